import { decodeJwt } from 'jose'
import t, { type Test } from 'tap'
import { startJourney } from '../support/journey.ts'
import type { OpenIdProvider } from '../support/openid-provider.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

const RESOURCE = 'https://api.example.com'

/** A gateway whose `/api/*` takes sessions and tokens of this real provider, and `/robots/*` tokens with a scope. */
async function startWorld(t: Test, accessTokenFormat: 'jwt' | 'opaque', seconds = 600) {
  const upstream = await startRecordingUpstream(t)
  const bearer = { audience: [RESOURCE] }
  const shared = { upstream: upstream.origin, bearer }
  const journey = await startJourney(t, {
    provider: { accessTokenFormat, resource: RESOURCE, accessTokenSeconds: seconds },
    plan: {
      routes: [
        {
          path: '/api/*',
          ...shared,
          credentials: ['session', 'bearer'],
          headers: { set: { 'X-User': '${claims.sub}' } },
        },
        {
          path: '/robots/*',
          ...shared,
          credentials: ['bearer'],
          require: { scope: 'read:orders' },
        },
      ],
    },
  })
  await journey.gateway.line(({ event }) => event === 'provider_ready')
  const ask = async (path: string, token: string) => {
    const headers = { authorization: `Bearer ${token}` }
    const answer = await journey.newBrowser().fetch(`${journey.gateway.origin}${path}`, { headers })
    return {
      status: answer.status,
      reason: answer.status === 200 ? undefined : answer.json().reason,
    }
  }
  return { ...journey, upstream, ask }
}

/** What a program gets with its own credentials, for an API. */
async function robotToken(
  { issuer, secret }: OpenIdProvider,
  parameters: Record<string, string>,
): Promise<string> {
  const answer = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'robot',
      client_secret: secret,
      ...parameters,
    }),
  })
  const { access_token: token, ...rest } = (await answer.json()) as { access_token?: string }
  if (token === undefined) throw new Error(JSON.stringify(rest))
  return token
}

const READ = { resource: RESOURCE, scope: 'read:orders' }

for (const format of ['jwt', 'opaque'] as const) {
  t.test(
    `RS-12 ${format}: a token that the provider issued to a program opens the route`,
    async (t) => {
      const { provider, upstream, ask } = await startWorld(t, format)
      const token = await robotToken(provider, READ)
      t.equal(token.split('.').length, format === 'jwt' ? 3 : 1)
      t.same(await ask('/robots/x', token), { status: 200, reason: undefined })
      t.same(upstream.requests[0]?.values('authorization'), [`Bearer ${token}`])
      const bare = await robotToken(provider, { resource: RESOURCE })
      t.same(await ask('/robots/x', bare), { status: 403, reason: 'insufficient_scope' })
    },
  )

  t.test(`RFC 8707 ${format}: one for another API does not`, async (t) => {
    const { provider, upstream, ask } = await startWorld(t, format)
    const token = await robotToken(provider, { ...READ, resource: 'https://other.example.com' })
    t.same(await ask('/api/x', token), { status: 401, reason: 'bearer_invalid' })
    t.equal(upstream.requests.length, 0)
  })

  t.test(`${format}: the token of a user's own sign-in speaks for that user`, async (t) => {
    const { upstream, signedIn, ask } = await startWorld(t, format)
    await signedIn('alice')
    const [value = ''] = upstream.requests[0]?.values('authorization') ?? []
    t.same(await ask('/api/x', value.replace('Bearer ', '')), { status: 200, reason: undefined })
    t.same(upstream.requests.at(-1)?.values('x-user'), ['alice'])
  })

  t.test(`${format}: what was never issued is no token`, async (t) => {
    const { provider, upstream, ask } = await startWorld(t, format)
    const token = await robotToken(provider, READ)
    const changed = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BB' : 'AA'}`
    t.same(await ask('/api/x', changed), { status: 401, reason: 'bearer_invalid' })
    t.equal(upstream.requests.length, 0)
  })
}

t.test(
  'opaque: a revoked token is refused once its verdict is forgotten, another at once',
  async (t) => {
    const { provider, ask } = await startWorld(t, 'opaque')
    const [used, unused] = [await robotToken(provider, READ), await robotToken(provider, READ)]
    t.equal((await ask('/robots/x', used)).status, 200)
    for (const token of [used, unused]) {
      const form = { token, client_id: 'robot', client_secret: provider.secret }
      await fetch(`${provider.issuer}/token/revocation`, {
        method: 'POST',
        body: new URLSearchParams(form),
      })
    }
    t.same(await ask('/robots/x', unused), { status: 401, reason: 'bearer_invalid' })
    t.equal((await ask('/robots/x', used)).status, 200, 'RS-10 for 30 s at most, as documented')
  },
)

t.test('jwt: an outage of the provider says nothing about a token, and stops none', async (t) => {
  const { provider, ask } = await startWorld(t, 'jwt')
  const [token, other] = [await robotToken(provider, READ), await robotToken(provider, READ)]
  t.equal(decodeJwt(token).aud, RESOURCE)
  t.equal((await ask('/robots/x', token)).status, 200)
  await provider.stop()
  t.equal((await ask('/robots/x', token)).status, 200)
  t.equal((await ask('/robots/x', other)).status, 200, 'the keys are known')
})

t.test(
  'opaque: in an outage tokens that were asked about go on, new ones are told to wait',
  async (t) => {
    const { provider, ask } = await startWorld(t, 'opaque')
    const [token, other] = [await robotToken(provider, READ), await robotToken(provider, READ)]
    t.equal((await ask('/robots/x', token)).status, 200)
    await provider.stop()
    t.equal((await ask('/robots/x', token)).status, 200)
    t.same(await ask('/robots/x', other), { status: 503, reason: 'provider_unavailable' })
  },
)
