import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { scriptedPlan, tells } from '../../support/doctored.ts'
import { freePort, providerSection, type GatewayPlan } from '../../support/gateway.ts'
import { startOpenIdProvider } from '../../support/openid-provider.ts'
import type { Script } from '../../support/scripted-provider.ts'
import { SERVER_CERTIFICATE } from '../../support/upstream-certificates.ts'

t.test('what is wrong with the provider is said, and what to do', async (t) => {
  const refused = `http://127.0.0.1:${await freePort()}`
  const issuers: [string, string, RegExp[]][] = [
    [
      'refused',
      refused,
      [/FAIL  .*refused: nothing listens.*ECONNREFUSED[^\n]*\n +-> .*provider\.issuer/],
    ],
    ['unknown host', 'http://idp.invalid', [/FAIL  .*(?:unknown|name server)[^\n]*\n +-> .*DNS/]],
  ]
  for (const [name, issuer, lines] of issuers)
    await t.test(name, (t) =>
      tells(
        t,
        {
          provider: {
            issuer,
            clientId: 'x',
            clientSecret: 'secret-value',
            allowInsecureHttp: true,
          },
        },
        lines,
        ['secret-value'],
      ),
    )

  const scripts: [string, Script, RegExp[]][] = [
    [
      '404',
      { raw: () => ({ status: 404 }) },
      [/FAIL  no metadata found: \S+openid-configuration answered 404[^\n]*\n +-> .*discoveryUrl/],
    ],
    [
      'not JSON',
      { raw: () => ({ status: 200, body: '<html>' }) },
      [/FAIL  \S+ is not a JSON object\n +-> /],
    ],
    [
      'a slash too many',
      { metadata: (own) => ({ ...own, issuer: `${String(own['issuer'])}/` }) },
      [
        /FAIL  the provider calls itself "(http:\/\/127.0.0.1:\d+)\/", provider.issuer is "\1"\n +-> write .*: \1\/ \(they differ by the slash/,
      ],
    ],
    [
      'an endpoint is missing',
      { metadata: (own) => ({ ...own, token_endpoint: undefined }) },
      [/FAIL  .*token_endpoint is missing\n +-> /],
    ],
    [
      'keys are gone',
      { raw: (path) => (path === '/jwks' ? { status: 503 } : undefined) },
      [/FAIL  the provider's keys at \S+ cannot be used: .*503\n +-> .*jwks_uri/],
    ],
    ['no keys', { jwks: () => ({ keys: [] }) }, [/FAIL  there is no key for signatures at/]],
    [
      'too slow',
      { latencyMs: { '/.well-known/openid-configuration': 30_000 } },
      [/FAIL  .*no answer in time[^\n]*\n +-> .*firewall/],
    ],
    [
      'no PKCE',
      { metadata: (own) => ({ ...own, code_challenge_methods_supported: undefined }) },
      [/warn  PKCE is not announced[^\n]*\n +-> /],
    ],
    [
      'PKCE without S256',
      { metadata: (own) => ({ ...own, code_challenge_methods_supported: ['plain'] }) },
      [/FAIL  PKCE with S256 is not among .*: plain\n +-> /],
    ],
    [
      'algorithms',
      { metadata: (own) => ({ ...own, id_token_signing_alg_values_supported: ['HS256'] }) },
      [/FAIL  ID tokens are signed with HS256[^\n]*\n +-> .*provider\.idToken\.algorithms/],
    ],
    [
      'no sign-out there',
      { metadata: (own) => ({ ...own, end_session_endpoint: undefined }) },
      [/warn  there is no end_session_endpoint[^\n]*\n +-> .*logout\.providerLogoutUrl/],
    ],
    [
      'no revocation',
      { metadata: (own) => ({ ...own, revocation_endpoint: undefined }) },
      [/warn  there is no revocation_endpoint[^\n]*\n +-> .*logout\.revoke/],
    ],
    [
      'the login is refused',
      {
        callback: (own) =>
          new URLSearchParams({
            error: 'invalid_scope',
            error_description: 'no \u001b[31mscope',
            state: own.get('state') ?? '',
          }),
      },
      [/FAIL  \S+ is registered, but the login is refused \(invalid_scope: no \\x1b/],
    ],
    [
      'nobody is signed in',
      {
        callback: (own) =>
          new URLSearchParams({ error: 'login_required', state: own.get('state') ?? '' }),
      },
      [/ok    \S+\/oauth2\/callback is registered/],
    ],
    [
      'a page first',
      { page: 'click' },
      [/skip  the authorization endpoint answers 200.*Register exactly http/],
    ],
    [
      'token endpoint is a page',
      { raw: (path) => (path === '/token' ? { status: 404, body: 'x' } : undefined) },
      [/FAIL  what answers at the token endpoint is none \(http_404\)/],
    ],
    [
      'token endpoint is broken',
      { raw: (path) => (path === '/token' ? { status: 500, body: 'x' } : undefined) },
      [/warn  whether the provider accepts .* cannot be told: it answers http_500/],
    ],
    [
      'token endpoint cuts',
      { dropAfterReceipt: (path) => path === '/token' },
      [/FAIL  the token endpoint: [^\n]*\n +-> /],
    ],
  ]
  for (const [name, script, lines] of scripts)
    await t.test(name, async (t) => {
      const { plan, secrets } = await scriptedPlan(t, script, { timeout: '1s' })
      await tells(t, plan, lines, secrets)
    })
})

t.test('what the provider thinks of the client', async (t) => {
  const provider = await startOpenIdProvider(t)
  const publicUrl = 'http://gateway.localhost:8080'
  provider.registerGateway(publicUrl)
  const clients: [string, GatewayPlan, RegExp[]][] = [
    [
      'wrong secret',
      { clientSecret: 'wrong-secret' },
      [
        /FAIL  client "basic" is refused[^\n]*invalid_client[^\n]*\n +-> check provider\.clientId, provider\.clientSecret/,
      ],
    ],
    [
      'unknown client',
      { clientId: 'nobody' },
      [/FAIL  client "nobody" is refused/, /FAIL  the provider shows an error page/],
    ],
    [
      'public',
      { clientId: 'none', clientSecret: undefined, clientAuthentication: 'none' },
      [/skip  client "none" is public/],
    ],
    [
      'grants',
      { scope: 'openid offline_access' },
      [/ok    grants are announced: authorization_code, refresh_token/],
    ],
  ]
  for (const [name, more, lines] of clients)
    await t.test(name, (t) =>
      tells(t, { publicUrl, provider: providerSection(provider, more) }, lines, [
        'wrong-secret',
        provider.secret,
      ]),
    )
  await t.test('redirect URI not registered', (t) =>
    tells(
      t,
      { publicUrl: 'http://other.localhost:8080', provider: providerSection(provider) },
      [
        /FAIL  the provider shows an error page \(400\)[^\n]*\n +-> Register exactly http:\/\/other.localhost:8080\/oauth2\/callback for the client basic/,
        /warn  .*post-logout redirect URI\n +-> register http:\/\/other.localhost:8080\/oauth2\/logout\/callback/,
      ],
      [provider.secret],
    ),
  )
  await t.test('a grant that a route needs', (t) =>
    tells(
      t,
      {
        publicUrl,
        provider: providerSection(provider),
        routes: [{ path: '/x', upstream: 'none', token: { via: 'exchange', audience: 'x' } }],
      },
      [
        /warn  the grant urn:\S+token-exchange is not announced, and token.via of \/x needs it\n +-> /,
      ],
    ),
  )
})

t.test('a secret that the provider repeats is not shown (TK-16)', async (t) => {
  const { plan, secrets, script } = await scriptedPlan(
    t,
    {},
    { clientAuthentication: 'client_secret_post' },
  )
  let heard: string | null = null
  script.metadata = (own) => ({
    ...own,
    token_endpoint_auth_methods_supported: ['private_key_jwt'],
  })
  script.raw = (path, { form }) => {
    if (path !== '/token') return undefined
    heard = form.get('client_secret')
    const body = JSON.stringify({ error: 'invalid_client', error_description: `not ${heard}` })
    return { status: 401, headers: { 'content-type': 'application/json' }, body }
  }
  script.callback = (own) =>
    new URLSearchParams({
      error: 'invalid_request',
      error_description: `not ${secrets[0]}`,
      state: own.get('state') ?? '',
    })
  await tells(
    t,
    plan,
    [
      /FAIL  client .*\n +-> .*uses client_secret_post, the provider announces private_key_jwt/,
      /FAIL  .*login is refused \(invalid_request: not \[masked\]\)/,
    ],
    secrets,
  )
  t.equal(heard, secrets[0], 'it had the secret to repeat')
})

t.test('two clocks that differ are told of', async (t) => {
  const date = new Date(Date.now() - 60_000).toUTCString()
  const { plan, secrets } = await scriptedPlan(t, {
    raw: (path) =>
      path === '/jwks'
        ? { status: 200, headers: { date }, body: JSON.stringify({ keys: [] }) }
        : undefined,
  })
  await tells(
    t,
    plan,
    [/warn  this machine's clock is (?:59|6\d) s ahead[^\n]*\n +-> .*NTP/, /FAIL/],
    secrets,
  )
})

t.test('AZ-16 a provider that takes signed requests only wants a key', async (t) => {
  const { plan, secrets } = await scriptedPlan(t, {
    metadata: (own) => ({ ...own, require_signed_request_object: true }),
  })
  const routes = [{ path: '/x', upstream: 'none' }]
  const line = /FAIL  .*signed authorization requests only[^\n]*\n +-> .*provider\.clientKey/
  await tells(t, { ...plan, routes }, [line], secrets)
})

t.test('pushed authorization requests are judged as they are pushed', async (t) => {
  const provider = await startOpenIdProvider(t, { pushedAuthorizationRequests: 'required' })
  const publicUrl = 'http://gateway.localhost:8080'
  provider.registerGateway(publicUrl)
  const section = (more: GatewayPlan = {}) => ({ provider: providerSection(provider, more) })
  const known = { publicUrl, ...section() }
  await tells(t, known, [/ok    \S+\/oauth2\/callback is registered/], [provider.secret])
  const stranger = { publicUrl: 'http://other.localhost:8080', ...section() }
  await tells(t, stranger, [
    /FAIL  the provider does not take our pushed [^\n]*\n +-> Register exactly http:\/\/other.localhost:8080\/oauth2\/callback/,
  ])
  const wrong = { publicUrl, ...section({ clientSecret: 'wrong-secret' }) }
  const lines = [/FAIL  client "basic" is refused/, /FAIL  .* pushed .*invalid_client/]
  await tells(t, wrong, lines, ['wrong-secret'])
  const { plan, secrets } = await scriptedPlan(
    t,
    { dropAfterReceipt: (path) => path === '/par' },
    { pushedAuthorizationRequests: true },
  )
  await tells(t, plan, [/FAIL  pushing an authorization request fails: /], secrets)
})

t.test('a provider whose certificate proves nothing to us', async (t) => {
  const server = createServer(SERVER_CERTIFICATE, (_, response) => response.end())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const provider = { issuer: `https://127.0.0.1:${port}`, clientId: 'x' }
  await tells(t, { provider }, [
    /FAIL  https:\S+: .*authority that is not trusted[^\n]*\n +-> .*provider\.tls\.certificateAuthority/,
  ])
})

t.test('several providers are examined each for itself', async (t) => {
  const one = await scriptedPlan(t)
  const other = await scriptedPlan(t, {
    metadata: (own) => ({ ...own, authorization_response_iss_parameter_supported: false }),
  })
  const providers = { staff: one.plan.provider, guests: other.plan.provider }
  const routes = [{ path: '/*', upstream: 'none', provider: ['staff', 'guests'] }]
  await tells(t, { providers, routes }, [
    /provider staff: http:\S+\n  ok    it calls/,
    /provider guests: http:\S+\n  ok    it calls/,
    /FAIL  .*RFC 9207[^\n]*\n +-> set providers\.guests\.ownCallback: true/,
  ])
})

t.test('where nobody signs in, nothing of a login is asked for', async (t) => {
  const { plan, secrets, requests } = await scriptedPlan(t, {
    metadata: (own) => ({ ...own, code_challenge_methods_supported: undefined }),
  })
  const bearer = { audience: ['https://api.example.com'], check: 'keys' }
  const routes = [{ path: '/*', upstream: 'none', credentials: ['bearer'], bearer }]
  await tells(t, { ...plan, routes }, [/skip  no route takes sessions/, /^0 failed/m], secrets)
  t.strictSame(
    requests.filter(({ path }) => path === '/token' || path === '/authorize'),
    [],
  )
})
