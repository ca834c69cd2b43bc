import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import { dirname } from 'node:path'
import t, { type Test } from 'tap'
import { listen } from '../../src/server/listen.ts'
import { createBrowser, type Browser, type Page } from '../support/browser-jar.ts'
import { freePort, spawnMain } from '../support/gateway.ts'

/** Runs `bearergate demo` and answers what it said once it said how to use it. */
async function startDemo(t: Test, args: readonly string[] = []) {
  const port = await freePort()
  const demo = spawnMain(t, ['demo', '--port', String(port), ...args])
  const line = await demo.line(({ msg }) => /Ctrl-C stops/.test(String(msg)))
  t.ok(line)
  const said = demo.logText()
  const link = (label: string) => new RegExp(`${label}\\s+(\\S+)`).exec(said)?.[1] ?? ''
  return {
    ...demo,
    gateway: `http://localhost:${port}`,
    config: link('Gateway configuration'),
    said,
  }
}

/** Clicks through the provider's pages, as its forms say. */
async function signIn(browser: Browser, url: string): Promise<Page> {
  let page = await browser.followAll(await browser.navigate(url))
  for (const fields of [{ login: 'alice' }, {}]) {
    page = await browser.followAll(await browser.submit(page, fields))
  }
  return page
}

t.test('the demo signs in, calls the API with the token, and stops at Ctrl-C', async (t) => {
  const demo = await startDemo(t)
  const browser = createBrowser()
  t.teardown(() => browser.close())
  t.equal((await browser.fetch(`${demo.gateway}/api/me`)).status, 401)
  const page = await signIn(browser, `${demo.gateway}/account`)
  t.equal(page.url, `${demo.gateway}/account`)
  t.match(page.body, 'X-User: alice@example.com')
  const me = await browser.fetch(`${demo.gateway}/api/me`)
  t.match(me.json(), { subject: 'alice', email: 'alice@example.com', scope: 'read:notes' })
  t.match((await browser.navigate(demo.gateway)).body, 'Hello, ')
  await demo.line(({ msg }) => /signed in: alice/.test(String(msg)))
  demo.child.kill('SIGINT')
  t.strictSame(await demo.exited, { code: 0, signal: null })
  t.notOk(existsSync(dirname(demo.config)), 'its secrets and its log are gone')
})

t.test('the configuration the demo prints is one that check accepts', async (t) => {
  const demo = await startDemo(t)
  const check = spawnMain(t, ['check', demo.config])
  t.equal((await check.exited).code, 0, check.errors())
})

t.test('a wished port that is taken is said, not taken over', async (t) => {
  const server = createServer()
  t.teardown(() => server.close())
  const { port } = new URL(await listen(server, '127.0.0.1', 0))
  const demo = spawnMain(t, ['demo', '--port', port])
  t.equal((await demo.exited).code, 1)
  t.match(demo.errors(), port)
})

t.test('a port that is none is wrong usage', async (t) => {
  for (const port of ['x', '0', '65536', '-1']) {
    t.equal((await spawnMain(t, ['demo', `--port=${port}`]).exited).code, 2, port)
  }
})

const WITHOUT_PROVIDER = `export async function resolve(name, context, next) {
  if (name !== 'oidc-provider') return next(name, context)
  throw Object.assign(new Error("Cannot find package 'oidc-provider'"), { code: 'ERR_MODULE_NOT_FOUND' })
}`

t.test('a production installation says what the demo lacks', async (t) => {
  const hooks = `data:text/javascript,${encodeURIComponent(WITHOUT_PROVIDER)}`
  const register = `import { register } from 'node:module'; register(${JSON.stringify(hooks)})`
  const demo = spawnMain(t, ['demo', '--port', String(await freePort())], {
    NODE_OPTIONS: `--import="data:text/javascript,${encodeURIComponent(register)}"`,
  })
  t.equal((await demo.exited).code, 1)
  t.match(demo.errors(), 'oidc-provider')
})

t.test('help is help', async (t) => {
  const demo = spawnMain(t, ['demo', '--help'])
  t.equal((await demo.exited).code, 0)
  t.match(demo.logText(), '--port')
})
