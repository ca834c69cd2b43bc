import t from 'tap'
import { requestFacts } from '../../src/domain/request-facts.ts'
import { visible } from '../support/visible.ts'

const HTML = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

const NAVIGATIONS = [
  [{ 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'none' }, true],
  [
    {
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
      'sec-fetch-site': 'cross-site',
      accept: '*/*',
    },
    true,
  ],
  [{ 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'iframe', accept: HTML }, false],
  [{ 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'object', accept: HTML }, false],
  [{ 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image', accept: HTML }, false],
  [{ 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', accept: HTML }, false],
  [{ 'sec-fetch-mode': 'websocket', 'sec-fetch-dest': 'websocket' }, false],
  [{ 'sec-fetch-mode': 'navigate', accept: HTML }, false],
  [{ 'sec-fetch-dest': 'document', accept: HTML }, false],
  [{ 'sec-fetch-mode': 'navigate, navigate', 'sec-fetch-dest': 'document', accept: HTML }, false],
  [{ 'sec-fetch-site': 'cross-site', accept: HTML }, false],
  [{ accept: HTML }, true],
  [{ accept: 'TEXT/HTML' }, true],
  [{ accept: HTML, 'x-requested-with': 'XMLHttpRequest' }, false],
  [{ accept: '*/*' }, false],
  [{ accept: 'application/json' }, false],
  [{}, false],
] as const

for (const [headers, expected] of NAVIGATIONS) {
  t.test(`AZ-12 navigation is ${expected}: ${visible(headers)}`, async (t) => {
    t.equal(requestFacts('GET', headers).navigation, expected)
  })
}

t.test('AZ-13 every word for asking ahead of a click is known', async (t) => {
  const ahead = [
    { 'sec-purpose': 'prefetch' },
    { 'sec-purpose': 'prefetch;prerender' },
    { 'sec-purpose': 'prefetch;anonymous-client-ip' },
    { purpose: 'prefetch' },
    { 'x-purpose': 'preview' },
    { 'x-moz': 'prefetch' },
  ]
  for (const headers of ahead)
    t.equal(requestFacts('GET', headers).prefetch, true, JSON.stringify(headers))
  t.equal(requestFacts('GET', {}).prefetch, false)
  t.equal(requestFacts('GET', { purpose: 'other' }).prefetch, false)
})

t.test('CS-1 a Sec-Fetch-Site that no specification knows counts as cross-site', async (t) => {
  for (const known of ['same-origin', 'same-site', 'cross-site', 'none'] as const) {
    t.equal(requestFacts('GET', { 'sec-fetch-site': known }).fetchSite, known)
  }
  for (const unknown of ['', 'Same-Origin', 'same-origin, same-origin', 'new-thing']) {
    t.equal(requestFacts('GET', { 'sec-fetch-site': unknown }).fetchSite, 'cross-site', unknown)
  }
  t.equal(requestFacts('GET', {}).fetchSite, undefined)
})

t.test('CS-1 headers that other sites cannot send without asking', async (t) => {
  for (const name of ['x-requested-with', 'x-csrf-token', 'x-xsrf-token', 'x-csrf']) {
    t.equal(requestFacts('POST', { [name]: '1' }).customHeader, true, name)
  }
  t.equal(requestFacts('POST', { 'content-type': 'application/json' }).customHeader, false)
})

t.test('a handshake is a GET with Upgrade: websocket that Connection names', async (t) => {
  const handshake = { upgrade: 'WebSocket', connection: 'keep-alive, Upgrade' }
  t.equal(requestFacts('GET', handshake).websocket, true)
  t.equal(requestFacts('POST', handshake).websocket, false)
  t.equal(requestFacts('GET', { ...handshake, connection: 'keep-alive' }).websocket, false)
  t.equal(requestFacts('GET', { upgrade: 'websocket' }).websocket, false)
  t.equal(requestFacts('GET', { ...handshake, upgrade: 'h2c' }).websocket, false)
})

t.test('the origin is told as sent; several are no origin of anybody', async (t) => {
  t.equal(requestFacts('POST', { origin: 'https://a.example' }).origin, 'https://a.example')
  t.equal(
    requestFacts('POST', { origin: ['https://a.example', 'null'] }).origin,
    'https://a.example, null',
  )
  t.equal(requestFacts('POST', {}).origin, undefined)
})
