import t, { type Test } from 'tap'
import type { Page } from 'playwright-core'
import { needsChromium } from '../support/chromium.ts'
import { browserWorld, endTls, signInByClick, strangersPage } from './browser-world.ts'

// Both are siblings of https://app.gateway.test: to the browser the same site, so that its cookie comes along, but other origins.

/** A page of this sibling: its origin. */
async function sibling(t: Test, host: string): Promise<string> {
  const { port } = new URL(await strangersPage(t, '<p>a shop</p>'))
  return endTls(t, Number(port), host)
}

/** A signed-in browser with a page of a listed origin and one of another. */
async function shops(t: Test) {
  const [listed, other] = [
    await sibling(t, 'shop.gateway.test'),
    await sibling(t, 'other.gateway.test'),
  ]
  const world = await browserWorld(t, {
    https: true,
    routesTo: (application) => [
      {
        path: '/api/shared/*',
        upstream: application,
        cors: { origins: [listed], credentials: true, headers: ['X-Shop'] },
      },
      { path: '/api/plain/*', upstream: application, cors: { origins: [listed] } },
    ],
  })
  await signInByClick(world.page, `${world.origin}/account`)
  const open = async (origin: string) => {
    const page = await world.context.newPage()
    await page.goto(origin)
    return page
  }
  return { ...world, listed: await open(listed), other: await open(other) }
}

/** What a script of the page gets to see: the answer, or that there is none for it. */
function fetchFrom(page: Page, url: string, init: object): Promise<unknown> {
  const call = `fetch(${JSON.stringify(url)}, ${JSON.stringify(init)})`
  return page.evaluate(
    `${call}.then(async (answer) => [answer.status, (await answer.json()).subject ?? null], () => 'nothing')`,
  )
}

const include = { credentials: 'include' }
const put = { ...include, method: 'PUT', headers: { 'x-shop': '1' } }

t.test(
  'CS-5 a page of a listed origin uses the session, preflight and all',
  needsChromium(),
  async (t) => {
    const { origin, listed, hits, gateway } = await shops(t)
    t.same(await fetchFrom(listed, `${origin}/api/shared/x`, include), [200, 'alice'])
    t.same(await fetchFrom(listed, `${origin}/api/shared/put`, put), [200, 'alice'])
    const lines = gateway.log().filter((line) => line['path'] === '/api/shared/put')
    const told = lines.map(({ method, status }) => `${String(method)} ${String(status)}`)
    t.same(told.toSorted(), ['OPTIONS 204', 'PUT 200'])
    t.equal(hits.filter(({ target }) => target === '/api/shared/put').length, 1)
  },
)

t.test('CS-5 … and reads why it is refused without one', needsChromium(), async (t) => {
  const { origin, listed } = await shops(t)
  const omit = { credentials: 'omit' }
  t.same(await fetchFrom(listed, `${origin}/api/shared/x`, omit), [401, null])
})

t.test(
  'CS-5 without credentials on the route the session stays out of reach',
  needsChromium(),
  async (t) => {
    const { origin, listed, hits } = await shops(t)
    t.equal(await fetchFrom(listed, `${origin}/api/plain/x`, include), 'nothing')
    t.equal(await fetchFrom(listed, `${origin}/api/plain/put`, put), 'nothing')
    t.notOk(hits.some(({ method }) => method === 'PUT'))
  },
)

t.test(
  'CS-5 AT-13 a page of any other origin gets nothing and changes nothing',
  needsChromium(),
  async (t) => {
    const { origin, other, listed, hits } = await shops(t)
    for (const path of ['/api/shared/x', '/api/plain/x', '/api/x']) {
      t.equal(await fetchFrom(other, origin + path, include), 'nothing', path)
      t.equal(await fetchFrom(other, origin + path, put), 'nothing', `PUT ${path}`)
      const post = { ...include, method: 'POST', body: 'a=b' } // no preflight
      t.equal(await fetchFrom(other, origin + path, post), 'nothing', `POST ${path}`)
    }
    t.equal(await fetchFrom(listed, `${origin}/api/x`, include), 'nothing', 'listed elsewhere only')
    t.notOk(hits.some(({ method }) => method !== 'GET'))
  },
)
