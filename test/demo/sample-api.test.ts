import t, { type Test } from 'tap'
import { createServer } from 'node:http'
import { Script } from 'node:vm'
import { serveSampleApi } from '../../src/demo/sample-api.ts'
import { listen } from '../../src/server/listen.ts'

const CLAIMS = { sub: 'alice', scope: 'read:notes' }
const BEARER = `Bearer ${[{ alg: 'RS256' }, CLAIMS].map(encoded).join('.')}.signature-of-the-token`

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

async function sampleApi(test: Test): Promise<string> {
  const server = createServer()
  serveSampleApi(server)
  test.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return listen(server, '127.0.0.1', 0)
}

t.test('the sample API answers with what it received', async (t) => {
  const api = await sampleApi(t)
  const answer = await fetch(`${api}/api/notes?a=1`, {
    method: 'POST',
    body: 'four',
    headers: { authorization: BEARER, 'x-user': 'alice@example.com' },
  })
  const echo: any = await answer.json()
  t.match(echo, { method: 'POST', target: '/api/notes?a=1', bodyBytes: 4 })
  t.equal(echo.headers['x-user'], 'alice@example.com')
  t.strictSame(echo.token.claims, CLAIMS)
})

t.test('the sample API never shows a browser the whole token', async (t) => {
  const api = await sampleApi(t)
  for (const path of ['/', '/account', '/api/me', '/api/notes']) {
    const answer = await fetch(`${api}${path}`, { headers: { authorization: BEARER } })
    t.notMatch(await answer.text(), 'signature-of-the-token', path)
  }
})

t.test('the sample API asks for a token where it needs one', async (t) => {
  const api = await sampleApi(t)
  t.equal((await fetch(`${api}/api/me`)).status, 401)
  const answer = await fetch(`${api}/api/me`, { headers: { authorization: BEARER } })
  t.strictSame(await answer.json(), { subject: 'alice', scope: 'read:notes' })
})

t.test('an opaque token is no reason to fail', async (t) => {
  const api = await sampleApi(t)
  for (const authorization of ['Bearer opaque', 'Bearer a.b.c', 'Basic eA==']) {
    const answer = await fetch(`${api}/api/notes`, { headers: { authorization } })
    t.equal(answer.status, 200, authorization)
  }
})

t.test('AT-35 names on the sample pages are text, never markup', async (t) => {
  const api = await sampleApi(t)
  const evil = `Bearer ${[{}, { sub: '<script>x</script>' }].map(encoded).join('.')}.s`
  for (const path of ['/', '/account']) {
    const answer = await fetch(`${api}${path}`, {
      headers: { authorization: evil, 'x-user': '<b>"' },
    })
    const html = await answer.text()
    t.notMatch(html, '<script>x')
    t.notMatch(html, '<b>')
  }
})

t.test('the event stream ticks until the reader hangs up', async (t) => {
  const api = await sampleApi(t)
  const stop = new AbortController()
  const answer = await fetch(`${api}/api/ticks`, { signal: stop.signal })
  t.equal(answer.headers.get('content-type'), 'text/event-stream')
  const first = await answer.body?.getReader().read()
  t.equal(new TextDecoder().decode(first?.value as Uint8Array), 'data: tick 1\n\n')
  stop.abort()
})

t.test('every button of the home page has a script behind it', async (t) => {
  const api = await sampleApi(t)
  const html = await (await fetch(api)).text()
  t.match(html, 'src="/assets/demo.js"')
  const script = await fetch(`${api}/assets/demo.js`)
  t.match(script.headers.get('content-type'), 'text/javascript')
  const source = await script.text()
  t.doesNotThrow(() => new Script(source))
})
