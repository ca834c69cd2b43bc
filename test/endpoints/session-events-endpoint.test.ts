import t, { type Test } from 'tap'
import type { Browser } from '../support/browser-jar.ts'
import { openEventStream, type EventStreamReader } from '../support/event-stream.ts'
import { createEndpointStand, type EndpointPlan, type EndpointStand } from './endpoint-stand.ts'
import { createClock } from '../domain/session-bed.ts'

const SAME_ORIGIN = {
  accept: 'text/event-stream',
  'sec-fetch-site': 'same-origin',
  'sec-fetch-mode': 'cors',
  'sec-fetch-dest': 'empty',
}

function listen(
  t: Test,
  stand: EndpointStand,
  browser: Browser,
  headers: Record<string, string> = SAME_ORIGIN,
): Promise<EventStreamReader> {
  const cookie = [...browser.cookies(stand.origin)].map(([name, value]) => `${name}=${value}`)
  const url = `${stand.origin}/oauth2/session/events`
  return openEventStream(t, url, { cookie: cookie.join('; '), ...headers })
}

async function listening(t: Test, plan: EndpointPlan = {}) {
  const stand = await createEndpointStand(t, plan)
  const browser = stand.browser()
  await stand.signIn(browser)
  return { stand, browser, stream: await listen(t, stand, browser) }
}

async function session(stand: EndpointStand, browser: Browser) {
  return (await browser.fetch(`${stand.origin}/oauth2/session`)).json().session
}

async function refresh({ origin }: EndpointStand, browser: Browser): Promise<number> {
  const headers = { origin }
  const url = `${origin}/oauth2/session/refresh`
  return (await browser.fetch(url, { method: 'POST', headers })).status
}

t.test('SE-22 the answer is an event stream that nobody keeps or holds back', async (t) => {
  const { stream } = await listening(t)
  t.equal(stream.status, 200)
  t.equal(stream.headers['content-type'], 'text/event-stream')
  t.equal(stream.headers['cache-control'], 'no-store')
  t.equal(stream.headers['x-accel-buffering'], 'no')
  t.equal(stream.headers['cross-origin-resource-policy'], 'same-origin')
  t.equal(stream.headers['set-cookie'], undefined)
  while (stream.text() === '') await new Promise(setImmediate)
  t.match(stream.text(), /^retry: \d{4}\n\n$/)
})

t.test('SE-22 SE-20 a refresh is told with the new times, without any token', async (t) => {
  const { stand, browser, stream } = await listening(t, { refreshCooldownMs: 0 })
  t.equal(await refresh(stand, browser), 200)
  const { event, data } = await stream.next()
  t.equal(event, 'refreshed')
  const now = await browser.fetch(`${stand.origin}/oauth2/session`)
  t.same(Object.keys(data), Object.keys(now.json()))
  t.equal(data.tokens.refreshed_at, now.json().tokens.refreshed_at)
  t.notMatch(stream.text(), /eyJ|at-|rt-/)
})

t.test('SE-22 LO-15 every page hears of the sign-out, and the streams close', async (t) => {
  const { stand, browser, stream } = await listening(t)
  const other = await listen(t, stand, browser)
  await browser.post(`${stand.origin}/oauth2/logout`, {})
  for (const one of [stream, other]) {
    t.same(await one.next(), {
      event: 'ended',
      data: { reason: 'session_revoked', login_url: `${stand.origin}/oauth2/login` },
    })
    await one.ended
  }
  t.equal(stand.eventStreams.count(), 0)
  t.equal((await listen(t, stand, browser)).status, 401, 'EventSource does not come back')
})

t.test('SE-22 a session of somebody else ends without a word here', async (t) => {
  const { stand, stream } = await listening(t)
  stand.provider.script.subject = 'bob'
  const bob = stand.browser()
  await stand.signIn(bob)
  const hisStream = await listen(t, stand, bob)
  await bob.post(`${stand.origin}/oauth2/logout`, {})
  await hisStream.ended
  t.same(stream.events(), [])
  t.equal(stand.eventStreams.count(), 1)
})

t.test('SE-22 the end is told ahead, once, and again after the session was used', async (t) => {
  const clock = createClock()
  const { stand, browser, stream } = await listening(t, {
    nowMs: clock.nowMs,
    eventStreams: { after: clock.after, warningMs: 120_000 },
  })
  const before = await session(stand, browser)
  await clock.advance(28 * 60_000)
  t.same(await stream.next(), {
    event: 'expiring',
    data: { reason: 'session_idle', ends_at: before.timeout_at, ends_in_seconds: 120 },
  })
  await clock.advance(60_000)
  t.equal((await browser.fetch(`${stand.origin}/page`)).status, 200) // the user comes back
  await clock.advance(60_000)
  t.equal(stream.events().length, 1, 'the end has moved')
  await clock.advance(27 * 60_000)
  const used = await session(stand, browser)
  t.same((await stream.next()).data, {
    reason: 'session_idle',
    ends_at: used.timeout_at,
    ends_in_seconds: 120,
  })
})

t.test('SE-22 the absolute end is told as what it is', async (t) => {
  const clock = createClock()
  const { stand, browser, stream } = await listening(t, {
    nowMs: clock.nowMs,
    eventStreams: { after: clock.after, warningMs: 120_000 },
  })
  for (const minutes of [25, 25]) {
    await clock.advance(minutes * 60_000)
    t.equal((await browser.fetch(`${stand.origin}/page`)).status, 200)
  }
  t.same(stream.events(), [])
  await clock.advance(8 * 60_000)
  const { ends_at } = await session(stand, browser)
  t.same(await stream.next(), {
    event: 'expiring',
    data: { reason: 'session_expired', ends_at, ends_in_seconds: 120 },
  })
})

t.test('SE-22 listening does not keep a session alive', async (t) => {
  const clock = createClock()
  const { stand, browser, stream } = await listening(t, {
    nowMs: clock.nowMs,
    eventStreams: { after: clock.after, keepAliveMs: 10 },
  })
  const before = await session(stand, browser)
  await clock.advance(20 * 60_000)
  while (!stream.text().includes(':\n\n:\n\n')) await new Promise(setImmediate)
  t.equal((await session(stand, browser)).timeout_at, before.timeout_at)
})

t.test(
  'SE-22 a store that does not answer is asked again, and nothing wrong is told',
  async (t) => {
    const clock = createClock()
    let isDown = false
    const { stream } = await listening(t, {
      nowMs: clock.nowMs,
      eventStreams: { after: clock.after, warningMs: 120_000 },
      store: (store) => ({
        ...store,
        read: (key) => (isDown ? Promise.reject(new Error('down')) : store.read(key)),
      }),
    })
    isDown = true
    await clock.advance(28 * 60_000)
    t.same(stream.events(), [])
    isDown = false
    await clock.advance(5_000)
    t.equal((await stream.next()).event, 'expiring')
  },
)

const FOREIGN: Record<string, Record<string, string>> = {
  'another site': { 'sec-fetch-site': 'cross-site' },
  'a sibling host': { 'sec-fetch-site': 'same-site' },
  'the address bar': { 'sec-fetch-site': 'none' },
  'a value nobody knows': { 'sec-fetch-site': 'x' },
  'a foreign origin': { origin: 'https://evil.example' },
  'a foreign origin that says it is ours': {
    origin: 'https://evil.example',
    'sec-fetch-site': 'same-origin',
  },
  'an opaque origin': { origin: 'null' },
}

for (const [who, headers] of Object.entries(FOREIGN)) {
  t.test(`SE-22 refused from ${who}, and told`, async (t) => {
    const stand = await createEndpointStand(t)
    const browser = stand.browser()
    await stand.signIn(browser)
    const stream = await listen(t, stand, browser, headers)
    t.equal(stream.status, 403)
    t.match(stand.events.at(-1), { type: 'cross_site_blocked' })
    t.equal(stand.eventStreams.count(), 0)
  })
}

t.test('SE-22 without a session: 401 that EventSource does not repeat', async (t) => {
  const stand = await createEndpointStand(t)
  const stream = await listen(t, stand, stand.browser())
  t.equal(stream.status, 401)
  t.match(stream.headers['content-type'], /problem\+json/)
})

t.test('SE-22 capped for each session and in total; a closed one makes room', async (t) => {
  const plan = { eventStreams: { perSession: 2, limit: 3 } }
  const { stand, browser, stream } = await listening(t, plan)
  t.equal((await listen(t, stand, browser)).status, 200)
  const third = await listen(t, stand, browser)
  t.equal(third.status, 503)
  t.ok(third.headers['retry-after'])
  const another = stand.browser()
  await stand.signIn(another)
  t.equal((await listen(t, stand, another)).status, 200)
  t.equal((await listen(t, stand, another)).status, 503, 'three in total')
  stream.close()
  while (stand.eventStreams.count() === 3) await new Promise(setImmediate)
  t.equal((await listen(t, stand, another)).status, 200)
  t.equal((await listen(t, stand, browser)).status, 503)
})

t.test('a page that is closed leaves nothing behind', async (t) => {
  const clock = createClock()
  const { stand, stream } = await listening(t, {
    nowMs: clock.nowMs,
    eventStreams: { after: clock.after },
  })
  t.equal(clock.pending(), 1)
  stream.close()
  while (stand.eventStreams.count() > 0) await new Promise(setImmediate)
  t.equal(clock.pending(), 0)
})

t.test('OB-1 at a shutdown all streams end, without a word', async (t) => {
  const { stand, browser, stream } = await listening(t)
  const other = await listen(t, stand, browser)
  stand.eventStreams.endAll()
  await Promise.all([stream.ended, other.ended])
  t.same([...stream.events(), ...other.events()], [])
  t.equal(stand.eventStreams.count(), 0)
})
