import t from 'tap'
import { authorizationCodeGrant } from '../../src/oidc/authorization-code-grant.ts'
import { authorizationRequest } from '../../src/oidc/authorization-request.ts'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import type { RawAnswer, Script } from '../support/scripted-provider.ts'
import { startScriptedProvider } from '../support/scripted-provider.ts'
import { connectTo, eventually, failure, outcome, startLoginBed } from './login-fixture.ts'
import { BUSY_MS } from '../support/patience.ts'

const wish = { returnTo: '/', attempt: 0, parameters: {} }
const WELL_KNOWN = '/.well-known/openid-configuration'
const json = { 'content-type': 'application/json' }

t.test(
  'ID-4 the provider may be down at start: nothing waits, and it is found when it comes',
  async (t) => {
    const scripted = await startScriptedProvider(t)
    await scripted.stop()
    const { provider, eventsOf, login } = connectTo(t, scripted)
    t.equal(provider.ready(), false)
    t.equal(provider.current(), undefined)
    await eventually(() => eventsOf('provider_unavailable').length > 0)
    t.ok(provider.lastError() instanceof Error)
    t.match(eventsOf('provider_unavailable')[0], { issuer: scripted.issuer })
    t.match(await failure(authorizationRequest(provider, wish, 0)), {
      reason: 'provider_unavailable',
    })
    await scripted.restart()
    await eventually(() => provider.ready())
    t.equal(provider.lastError(), undefined)
    t.match(eventsOf('provider_ready'), [{ issuer: scripted.issuer }])
    t.match(await login(), { subject: 'alice' })
  },
)

t.test('ID-4 the waits between attempts grow from half a second, with jitter', async (t) => {
  const scripted = await startScriptedProvider(t, { script: { raw: () => ({ status: 503 }) } })
  const { eventsOf } = connectTo(t, scripted)
  await eventually(() => eventsOf('provider_unavailable').length >= 2)
  const [first = 0, second = 0] = eventsOf('provider_unavailable').map((one) => one.retryInMs)
  t.ok(first >= 250 && first <= 500, String(first))
  t.ok(second >= 500 && second <= 1_000, String(second))
})

t.test(
  'RL-5 a request just after the provider is back does not fail: it makes the attempt, one for all',
  async (t) => {
    const scripted = await startScriptedProvider(t, { script: { raw: () => ({ status: 503 }) } })
    const { provider, eventsOf } = connectTo(t, scripted)
    await eventually(() => eventsOf('provider_unavailable').length >= 3) // the next wait is 1 to 2 s
    delete scripted.script.raw
    await new Promise((resolve) => setTimeout(resolve, 510)) // requests make an attempt at most every half second
    const calls = scripted.callsTo(WELL_KNOWN)
    await Promise.all([1, 2, 3].map(() => authorizationRequest(provider, wish, 0)))
    t.equal(scripted.callsTo(WELL_KNOWN), calls + 1, 'one attempt for all')
  },
)

t.test('a request does not wait longer than two seconds for a silent provider', async (t) => {
  const scripted = await startScriptedProvider(t, {
    script: { latencyMs: { [WELL_KNOWN]: 8_000 } },
  })
  const { provider } = connectTo(t, scripted)
  const beforeMs = Date.now()
  t.match(await failure(authorizationRequest(provider, wish, 0)), {
    reason: 'provider_unavailable',
  })
  t.ok(Date.now() - beforeMs < 3_000 + BUSY_MS)
})

/** Metadata that must not be used, and what the message for the operator has to name. */
const REFUSED: readonly (readonly [string, Script, RegExp])[] = [
  [
    'ID-1 discovery-issuer-mismatch',
    { metadata: (m) => ({ ...m, issuer: `${String(m['issuer'])}INVALID` }) },
    /INVALID.*127\.0\.0\.1/,
  ],
  [
    'ID-1 O9 a slash more',
    { metadata: (m) => ({ ...m, issuer: `${String(m['issuer'])}/` }) },
    /provider\.issuer/,
  ],
  ['issuer missing', { metadata: (m) => ({ ...m, issuer: undefined }) }, /provider\.issuer/],
  ['no jwks_uri', { metadata: (m) => ({ ...m, jwks_uri: undefined }) }, /jwks_uri is missing/],
  [
    'no token_endpoint',
    { metadata: (m) => ({ ...m, token_endpoint: 7 }) },
    /token_endpoint is missing/,
  ],
  [
    'ID-3 token endpoint on another origin',
    { metadata: (m) => ({ ...m, token_endpoint: 'http://127.0.0.2/token' }) },
    /provider\.allowedOrigins.*127\.0\.0\.2 \(token_endpoint\)/,
  ],
  [
    'ID-3 jwks_uri on another origin',
    { metadata: (m) => ({ ...m, jwks_uri: 'http://127.0.0.2/jwks' }) },
    /provider\.allowedOrigins/,
  ],
  [
    'ID-3 end_session_endpoint on another origin',
    { metadata: (m) => ({ ...m, end_session_endpoint: 'http://127.0.0.2/x' }) },
    /provider\.allowedOrigins/,
  ],
  ['ID-3 file:', { metadata: (m) => ({ ...m, jwks_uri: 'file:///etc/passwd' }) }, /not https/],
  ['ID-3 not a URL', { metadata: (m) => ({ ...m, jwks_uri: '/jwks' }) }, /not a URL/],
  [
    'CF-6 AT-25 cloud metadata',
    { metadata: (m) => ({ ...m, token_endpoint: 'http://169.254.169.254/latest' }) },
    /link-local/,
  ],
  [
    'AT-25 cloud metadata, written in decimal',
    { metadata: (m) => ({ ...m, token_endpoint: 'http://2852039166/latest' }) },
    /link-local/,
  ],
  [
    'AT-25 cloud metadata, IPv6',
    { metadata: (m) => ({ ...m, token_endpoint: 'http://[fe80::1]/' }) },
    /link-local/,
  ],
  [
    'AT-25 cloud metadata, IPv4 in IPv6',
    { metadata: (m) => ({ ...m, token_endpoint: 'http://[::ffff:169.254.169.254]/' }) },
    /link-local/,
  ],
  [
    'AT-25 cloud metadata by name',
    { metadata: (m) => ({ ...m, token_endpoint: 'http://metadata.google.internal/' }) },
    /link-local/,
  ],
  ['an array', { metadata: () => [] }, /not a JSON object/],
  ['a string', { metadata: () => 'x' }, /not a JSON object/],
  ['null', { metadata: () => null }, /not a JSON object/],
  [
    'HTML',
    { raw: (path) => (path === WELL_KNOWN ? { status: 200, body: '<p>' } : undefined) },
    /not a JSON object/,
  ],
  [
    'ID-19 50 MB',
    {
      raw: (path) =>
        path === WELL_KNOWN
          ? { status: 200, headers: json, body: 'x'.repeat(50_000_000) }
          : undefined,
    },
    /1048576/,
  ],
  [
    'ID-19 a redirect',
    {
      raw: (path) =>
        path === WELL_KNOWN ? { status: 302, headers: { location: '/elsewhere' } } : undefined,
    },
    /answered 302/,
  ],
  ['JWKS 500', { raw: (path) => (path === '/jwks' ? { status: 500 } : undefined) }, /answered 500/],
  ['JWKS an array', { jwks: () => [] }, /malformed/i],
  [
    'JWKS HTML',
    { raw: (path) => (path === '/jwks' ? { status: 200, body: '<p>' } : undefined) },
    /JSON/,
  ],
  [
    'TK-5 JWKS a redirect',
    {
      raw: (path) =>
        path === '/jwks' ? { status: 302, headers: { location: '/userinfo' } } : undefined,
    },
    /answered 302/,
  ],
]

t.test(
  'a provider whose metadata or keys cannot be trusted is not ready, and the operator learns why',
  async (t) => {
    const scripted = await startScriptedProvider(t)
    for (const [name, script, message] of REFUSED) {
      for (const key of Object.keys(scripted.script)) delete scripted.script[key as keyof Script]
      Object.assign(scripted.script, script)
      const { provider, eventsOf } = connectTo(t, scripted, {
        allowedOrigins: ['http://169.254.169.254'],
      })
      await eventually(() => eventsOf('provider_unavailable').length > 0)
      t.equal(provider.ready(), false, name)
      t.match(messagesOf(provider.lastError()), message, name)
      t.match(await failure(authorizationRequest(provider, wish, 0)), {
        reason: 'provider_unavailable',
      })
      await provider.close()
    }
    t.equal(
      scripted.callsTo('/elsewhere') +
        scripted.callsTo('/userinfo') +
        scripted.callsTo('/authorize'),
      0,
    )
  },
)

/** Of an error and its causes. */
function messagesOf(error: unknown): string {
  return error instanceof Error ? `${error.message}; ${messagesOf(error.cause)}` : ''
}

t.test('ID-3 plain http needs allowInsecureHttp', async (t) => {
  const { provider } = await startLoginBed(t, { allowInsecureHttp: false })
  t.match(await failure(authorizationRequest(provider, wish, 0)), {
    reason: 'provider_unavailable',
  })
  t.match((provider.lastError() as Error).message, /allowInsecureHttp/)
})

t.test('ID-3 every origin that has to be listed is named at once', async (t) => {
  const { provider } = await startLoginBed(
    t,
    {},
    {
      script: {
        metadata: (m) => ({
          ...m,
          token_endpoint: 'http://oauth2.example/token',
          revocation_endpoint: 'http://oauth2.example/revoke',
          jwks_uri: 'http://www.example/certs',
          userinfo_endpoint: 'http://unused.example/',
        }),
      },
    },
  )
  await eventually(() => provider.lastError() !== undefined)
  const { message } = provider.lastError() as Error
  t.match(
    message,
    /http:\/\/oauth2\.example \(token_endpoint, revocation_endpoint\), http:\/\/www\.example \(jwks_uri\)/,
  )
  t.notMatch(message, /unused/)
})

t.test('OB-9 a provider whose clock is an hour off is told once', async (t) => {
  const date = new Date(Date.now() + 3_600_000).toUTCString()
  const raw = () => ({ status: 503, headers: { date } })
  const { provider, events } = await startLoginBed(t, {}, { script: { raw } })
  await eventually(() => provider.lastError() !== undefined)
  await t.rejects(provider.connection())
  const warnings = events.filter(({ type }) => type === 'warning')
  t.match(warnings, [{ code: 'clock_skew' }])
  t.equal(warnings.length, 1)
})

t.test('ID-3 a listed origin, and a pinned endpoint, are used', async (t) => {
  const keys = await startScriptedProvider(t)
  const elsewhere = {
    metadata: (m: Record<string, unknown>) => ({ ...m, jwks_uri: `${keys.origin}/jwks` }),
  }
  const listed = await startLoginBed(t, { allowedOrigins: [keys.origin] }, { script: elsewhere })
  t.equal(await outcome(listed.begin()), 'signed_in')
  const pinned = await startLoginBed(t, { endpoints: { jwks_uri: `${keys.origin}/jwks` } })
  t.equal(await outcome(pinned.begin()), 'signed_in')
  t.equal(keys.callsTo('/jwks'), 2)
  t.equal(pinned.scripted.callsTo('/jwks'), 0)
})

t.test('endpoints that are all configured need no metadata', async (t) => {
  const scripted = await startScriptedProvider(t, {
    script: { raw: (path) => (path.includes('well-known') ? { status: 500 } : undefined) },
  })
  const { login } = connectTo(t, scripted, {
    endpoints: {
      authorization_endpoint: `${scripted.origin}/authorize`,
      token_endpoint: `${scripted.origin}/token`,
      jwks_uri: `${scripted.origin}/jwks`,
    },
  })
  t.match(await login(), { subject: 'alice' })
  t.notOk(scripted.requests.some((one) => one.path.includes('well-known')))
})

const PLACES: readonly (readonly [string, string, Partial<ProviderOptions>])[] = [
  ['appended to the path', '/tenant/.well-known/openid-configuration', {}],
  ['inserted before the path', '/.well-known/oauth-authorization-server/tenant', {}],
]

for (const [name, place, options] of PLACES) {
  t.test(`ID-2 metadata are found at the well-known place ${name}`, async (t) => {
    const scripted = await startScriptedProvider(t, { issuerPath: '/tenant' })
    const document = await (
      await fetch(`${scripted.issuer}/.well-known/openid-configuration`)
    ).text()
    scripted.script.raw = (path): RawAnswer | undefined => {
      if (path === place) return { status: 200, headers: json, body: document }
      return path.includes('.well-known') ? { status: 404 } : undefined
    }
    const { login } = connectTo(t, scripted, options)
    t.match(await login(), { issuer: `${scripted.origin}/tenant` })
  })
}

t.test('ID-2 a configured place wins; the issuer is compared all the same', async (t) => {
  const scripted = await startScriptedProvider(t)
  const document = await (await fetch(scripted.issuer + WELL_KNOWN)).text()
  scripted.script.raw = (path) =>
    path === '/odd/place/'
      ? { status: 200, headers: json, body: document }
      : path === WELL_KNOWN
        ? { status: 404 }
        : undefined
  const discoveryUrl = `${scripted.origin}/odd/place/`
  t.match(await connectTo(t, scripted, { discoveryUrl }).login(), { subject: 'alice' })
  const other = connectTo(t, scripted, { discoveryUrl, issuer: 'http://127.0.0.1:1' })
  await eventually(() => other.provider.lastError() !== undefined)
  t.equal(other.provider.ready(), false)
})

t.test(
  'ID-13 signing-key-rotation: an unknown kid reads the keys again, once for all, at most every 10 s',
  async (t) => {
    const { scripted, provider, begin, login } = await startLoginBed(t)
    await login()
    const realNow = Date.now
    t.teardown(() => {
      Date.now = realNow
    })
    await scripted.rotateKeys()
    t.equal(await outcome(login()), 'provider_error', 'not within the cool-down')
    const before = scripted.callsTo('/jwks')
    const logins = await Promise.all([begin(), begin(), begin()])
    Date.now = () => realNow() + 11_000
    const results = await Promise.all(
      logins.map(({ callback, transaction }) =>
        outcome(authorizationCodeGrant(provider, callback, transaction)),
      ),
    )
    t.same(results, ['signed_in', 'signed_in', 'signed_in'])
    t.equal(scripted.callsTo('/jwks'), before + 1)
  },
)

t.test(
  'ID-13 AT-24 RL-5 a key set that cannot be read is asked once per cool-down, and the old one stays',
  async (t) => {
    const { scripted, login } = await startLoginBed(t)
    await login()
    const realNow = Date.now
    t.teardown(() => {
      Date.now = realNow
    })
    Date.now = () => realNow() + 11_000
    const before = scripted.callsTo('/jwks')
    scripted.script.raw = (path) => (path === '/jwks' ? { status: 503 } : undefined)
    scripted.script.header = (own) => ({ ...own, kid: `random-${Math.random()}` })
    for (let count = 0; count < 10; count += 1) {
      t.equal(await outcome(login()), 'provider_unavailable')
    }
    t.equal(scripted.callsTo('/jwks'), before + 1)
    delete scripted.script.header
    t.equal(await outcome(login()), 'signed_in', 'a known key works while the set is away')
  },
)

t.test(
  'O11 metadata and keys are read again on a timer; an outage then costs nothing',
  async (t) => {
    const { scripted, provider, login, eventsOf } = await startLoginBed(t, {
      metadataRefreshMs: 30,
    })
    await login()
    await scripted.rotateKeys()
    const before = scripted.callsTo('/jwks')
    await eventually(() => scripted.callsTo('/jwks') > before + 1)
    t.equal(await outcome(login()), 'signed_in', 'with the new keys, within any cool-down')
    await scripted.stop()
    await eventually(() => eventsOf('provider_unavailable').length > 0)
    t.equal(provider.ready(), true)
    t.ok(provider.current())
    await scripted.restart()
    await eventually(() => eventsOf('provider_ready').length === 2)
    t.equal(await outcome(login()), 'signed_in')
  },
)

t.test('O11 a new jwks_uri is followed', async (t) => {
  const { scripted, login } = await startLoginBed(t, { metadataRefreshMs: 30 })
  await login()
  scripted.script.metadata = (m) => ({ ...m, jwks_uri: `${scripted.origin}/jwks2` })
  scripted.script.raw = (path) =>
    path === '/jwks2'
      ? { status: 200, headers: json, body: JSON.stringify(scripted.keys.jwks()) }
      : undefined
  await eventually(() => scripted.callsTo('/jwks2') > 0)
  t.equal(await outcome(login()), 'signed_in')
})

t.test('close cancels everything: calls, timers, attempts', async (t) => {
  const scripted = await startScriptedProvider(t, {
    script: { latencyMs: { [WELL_KNOWN]: 8_000 } },
  })
  const { provider, events } = connectTo(t, scripted)
  await eventually(() => scripted.callsTo(WELL_KNOWN) === 1)
  const beforeMs = Date.now()
  await provider.close()
  t.ok(Date.now() - beforeMs < 1_000 + BUSY_MS)
  t.same(events, [])
  t.match(await failure(authorizationRequest(provider, wish, 0)), {
    reason: 'provider_unavailable',
  })
  t.equal(scripted.callsTo(WELL_KNOWN), 1)
})
