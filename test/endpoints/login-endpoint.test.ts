import t from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import { askedProviders, loginWish } from '../../src/endpoints/login-endpoint.ts'
import type { ProviderEntry } from '../../src/http/provider-entry.ts'
import { createEndpointStand, eventTypes } from './endpoint-stand.ts'

t.test('AZ-11 a login link leads to the provider, never cached, never 307', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  const login = await browser.navigate(`${stand.origin}/oauth2/login?return_to=/x`)
  t.equal(login.status, 302)
  t.equal(login.headers['cache-control'], 'no-store')
  t.ok(login.location?.startsWith(`${stand.provider.origin}/authorize?`))
  t.equal(login.setCookies.length, 1)
  t.match(
    login.setCookies[0],
    /^bearergate-login-[\w-]+=.*; Max-Age=900; Path=\/; HttpOnly; SameSite=Lax$/,
  )
  t.equal((await browser.navigate(await stand.authorize(login))).headers.location, '/x')
})

const NOT_NAVIGATIONS: Record<string, Record<string, string>> = {
  fetch: { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty', 'sec-fetch-site': 'same-origin' },
  frame: {
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'iframe',
    'sec-fetch-site': 'cross-site',
  },
  image: { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image', 'sec-fetch-site': 'cross-site' },
  'old script': { accept: 'application/json' },
  'old XMLHttpRequest': { accept: 'text/html', 'x-requested-with': 'XMLHttpRequest' },
  nothing: {},
}

for (const [who, headers] of Object.entries(NOT_NAVIGATIONS)) {
  t.test(`AZ-12 ${who} starts no login`, async (t) => {
    const stand = await createEndpointStand(t)
    const answer = await stand.browser().get(`${stand.origin}/oauth2/login`, { headers })
    t.equal(answer.status, 401)
    t.equal(answer.headers['www-authenticate'], 'Bearer')
    t.strictSame(answer.setCookies, [])
  })
}

t.test('AZ-12 a browser without Fetch Metadata that accepts HTML navigates', async (t) => {
  const stand = await createEndpointStand(t)
  const headers = { accept: 'text/html,*/*;q=0.8' }
  t.equal((await stand.browser().get(`${stand.origin}/oauth2/login`, { headers })).status, 302)
})

t.test('AZ-13 prefetch and HEAD start no login', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  for (const purpose of ['sec-purpose', 'purpose']) {
    const headers = { [purpose]: 'prefetch' }
    const answer = await browser.navigate(`${stand.origin}/oauth2/login`, { headers })
    t.equal(answer.status, 401)
    t.strictSame(answer.setCookies, [])
  }
  t.equal((await browser.navigate(`${stand.origin}/oauth2/login`, { method: 'HEAD' })).status, 405)
  t.strictSame(
    eventTypes(stand).filter((type) => type.startsWith('login')),
    [],
  )
})

t.test('AZ-9 S-13 S-17 only listed parameters are passed on', async (t) => {
  const stand = await createEndpointStand(t)
  const wish = 'scope=admin&redirect_uri=https://evil.example&connection=github&client_id=x&state=y'
  const login = await stand.browser().navigate(`${stand.origin}/oauth2/login?${wish}`)
  const asked = new URL(login.location ?? '').searchParams
  t.equal(asked.get('connection'), 'github')
  t.equal(asked.get('scope'), 'openid profile email offline_access')
  t.equal(asked.get('redirect_uri'), `${stand.origin}/oauth2/callback`)
  t.not(asked.get('state'), 'y')
})

t.test('AZ-10 a repeated parameter is 400', async (t) => {
  const stand = await createEndpointStand(t)
  for (const query of ['prompt=none&prompt=login', 'return_to=/a&return_to=/a', 'x=1&x']) {
    const answer = await stand.browser().navigate(`${stand.origin}/oauth2/login?${query}`)
    t.equal(answer.status, 400)
    t.strictSame(answer.setCookies, [])
  }
})

for (const [name, value] of [
  ['organization', 'o'.repeat(2_500)],
  ['organization', '\u{1f511}'.repeat(500)],
  ['prompt', 'none '.repeat(600)],
  ['acr_values', 'phr '.repeat(900).trim()],
] as const) {
  t.test(`SE-4 a link with ${value.length} characters of ${name} starts no login`, async (t) => {
    const stand = await createEndpointStand(t)
    const query = new URLSearchParams({ return_to: `/${'x'.repeat(1_900)}`, [name]: value })
    const answer = await stand.browser().navigate(`${stand.origin}/oauth2/login?${query}`)
    t.equal(answer.status, 400)
    t.strictSame(answer.setCookies, [], 'no cookie that a browser would drop')
  })
}

t.test('SE-4 the longest page there may be still fits, with every word of a link', async (t) => {
  const stand = await createEndpointStand(t)
  const organization = 'org_0123456789abcdef'
  const more = { organization, prompt: 'select_account consent', acr_values: 'phr', max_age: '60' }
  const query = new URLSearchParams({ return_to: `/${'x'.repeat(1_999)}`, ...more })
  const answer = await stand.browser().navigate(`${stand.origin}/oauth2/login?${query}`)
  t.equal(answer.status, 302)
  t.ok(answer.setCookies.every((line) => (line.split(';')[0] ?? '').length <= 4_096))
})

t.test('AZ-5 the redirect URI follows the configuration, whatever the request says', async (t) => {
  const stand = await createEndpointStand(t)
  const headers = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
  const login = await stand.browser().navigate(`${stand.origin}/oauth2/login`, { headers })
  const asked = new URL(login.location ?? '').searchParams
  t.equal(asked.get('redirect_uri'), `${stand.origin}/oauth2/callback`)
})

t.test('the provider is not known yet: 503 page that leads back, nothing stored', async (t) => {
  const stand = await createEndpointStand(t, {
    impatient: true,
    script: { raw: () => ({ status: 500 }) },
  })
  const answer = await stand.browser().navigate(`${stand.origin}/x?y=1`)
  t.equal(answer.status, 503)
  t.ok(Number(answer.headers['retry-after']) > 0)
  t.match(answer.body, 'href="/x?y=1"')
  t.strictSame(answer.setCookies, [])
})

const ENTRY = {
  issuer: 'https://op.example',
  loginParameters: ['login_hint'],
} as unknown as ProviderEntry

const LINK = {
  publicUrl: new URL('https://app.example.com'),
  stepUpAcrValues: new Set(['phr', 'phrh']),
}

function wish(query: string) {
  const parameters = new URLSearchParams(query)
  const [entry] = askedProviders(parameters, [ENTRY])
  return loginWish(parameters, entry, LINK)
}

t.test('LO-16 a third party may begin a login, for our issuer and our pages only', async (t) => {
  const link = 'iss=https%3A%2F%2Fop.example&login_hint=ann&target_link_uri='
  t.same(wish(`${link}https%3A%2F%2Fapp.example.com%2Fx%3Fy`), {
    returnTo: '/x?y',
    attempt: 0,
    parameters: { login_hint: 'ann' },
  })
  t.throws(() => wish('iss=https%3A%2F%2Fevil.example'), GatewayError)
  t.throws(() => wish('iss='), GatewayError)
  for (const target of [
    'https://evil.example/x',
    'https://app.example.com.evil.example/',
    '//evil',
  ]) {
    t.equal(wish(`target_link_uri=${encodeURIComponent(target)}`).returnTo, '/')
  }
  t.equal(wish('target_link_uri=https%3A%2F%2Fapp.example.com%2F%2Fevil.example').returnTo, '/')
})

t.test('AT-6 a wish for another site leads home', async (t) => {
  for (const target of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil',
    '/oauth2/logout',
  ]) {
    t.equal(wish(`return_to=${encodeURIComponent(target)}`).returnTo, '/')
  }
  t.equal(
    wish('return_to=%2Ffoo%3Fnext%3Dhttps%3A%2F%2Fx%2F%2Fb').returnTo,
    '/foo?next=https://x//b',
  )
})

t.test(
  'a login link may ask for what a route requires of a login, and for no other acr',
  async (t) => {
    t.same(wish('acr_values=phr&max_age=60').stepUp, { acrValues: ['phr'], maxAgeSeconds: 60 })
    t.same(wish('acr_values=phrh+phr').stepUp, { acrValues: ['phrh', 'phr'] })
    t.same(wish('max_age=0').stepUp, { maxAgeSeconds: 0 })
    for (const query of ['', 'acr_values=weak', 'acr_values=phr+weak', 'acr_values=', 'max_age=-1'])
      t.equal(wish(query).stepUp, undefined, query)
  },
)
