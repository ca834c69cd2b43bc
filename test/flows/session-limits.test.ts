import { randomBytes } from 'node:crypto'
import t from 'tap'
import { setTimeout as after } from 'node:timers/promises'
import { startJourney } from '../support/journey.ts'

t.test('SE-8 an idle session ends, a used one goes on until its lifetime', async (t) => {
  const secrets = [randomBytes(32).toString('base64')]
  const { gateway, signedIn } = await startJourney(t, {
    plan: { session: { secrets, idleTimeout: '1s', lifetime: '3s' } },
  })
  const { browser } = await signedIn()
  const idle = await signedIn('bob')
  const api = () => browser.fetch(`${gateway.origin}/api/x`)
  for (let n = 0; n < 6; n += 1) {
    await after(300)
    t.equal((await api()).status, 200, `used at ${n}`)
  }
  const late = await idle.browser.fetch(`${gateway.origin}/api/x`)
  t.equal(late.status, 401)
  t.equal(late.json().reason, 'session_idle')

  let answer = await api()
  for (const end = Date.now() + 4_000; answer.status === 200 && Date.now() < end;) {
    await after(100)
    answer = await api()
  }
  t.equal(answer.status, 401, 'use does not move the absolute end')
  t.equal(answer.json().reason, 'session_expired')
})

t.test('SE-18 looking at the session never prolongs it', async (t) => {
  const { gateway, signedIn } = await startJourney(t, {
    plan: {
      session: {
        secrets: [randomBytes(32).toString('base64')],
        idleTimeout: '1s',
        lifetime: '1h',
      },
    },
  })
  const { browser } = await signedIn()
  const look = () => browser.fetch(`${gateway.origin}/oauth2/session`)
  const first = await look()
  t.equal(first.status, 200)
  t.match(first.json(), {
    session: { created_at: String, ends_at: String, timeout_at: String, active: true },
    tokens: { expire_at: String, refreshed_at: String },
    user: { sub: 'alice' },
    login_url: String,
    logout_url: String,
  })
  let answer = first
  for (const end = Date.now() + 4_000; answer.status === 200 && Date.now() < end;) {
    await after(50)
    answer = await look()
  }
  t.equal(answer.status, 401)
})

t.test('SE-21 a page may ask for a refresh: once, then the cooldown answers', async (t) => {
  const { gateway, provider, signedIn } = await startJourney(t)
  const { browser } = await signedIn()
  const ask = () =>
    browser.fetch(`${gateway.origin}/oauth2/session/refresh`, {
      method: 'POST',
      headers: { origin: gateway.origin },
    })
  const answers = await Promise.all(Array.from({ length: 5 }, ask))
  t.same(new Set(answers.map(({ status }) => status)), new Set([200]))
  t.equal((await ask()).status, 200)
  t.ok(provider.tokenCalls('refresh_token') <= 1)
  const foreign = await browser.fetch(`${gateway.origin}/oauth2/session/refresh`, {
    method: 'POST',
    site: 'cross-site',
    headers: { origin: 'https://evil.example' },
  })
  t.equal(foreign.status, 403)
})
