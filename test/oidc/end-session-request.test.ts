import t from 'tap'
import { endSessionRequest } from '../../src/oidc/end-session-request.ts'
import { startScriptedProvider } from '../support/scripted-provider.ts'
import { connectTo, startLoginBed } from './login-fixture.ts'

t.test('LO-2 S-29 the hint, our name, the landing place and the state', async (t) => {
  const { scripted, provider, login } = await startLoginBed(t)
  const { idToken = '' } = await login()
  const url = new URL(endSessionRequest(provider, { idToken, state: 's' }) ?? '')
  t.equal(url.origin + url.pathname, `${scripted.origin}/end-session`)
  t.same(Object.fromEntries(url.searchParams), {
    id_token_hint: idToken,
    client_id: 'gateway-client',
    post_logout_redirect_uri: 'https://app.example.com/oauth2/logout/callback',
    state: 's',
  })
})

t.test('AZ-6 LO-2 a query of the endpoint stays; no ID token, no hint', async (t) => {
  const { provider, login } = await startLoginBed(
    t,
    {},
    {
      script: {
        metadata: (m) => ({
          ...m,
          end_session_endpoint: `${String(m['end_session_endpoint'])}?p=1`,
        }),
      },
    },
  )
  await login()
  const url = new URL(endSessionRequest(provider, { state: 's' }) ?? '')
  t.equal(url.searchParams.get('p'), '1')
  t.notOk(url.searchParams.has('id_token_hint'))
})

t.test('LO-2 an ID token too long for a URL is left out', async (t) => {
  const { provider, login } = await startLoginBed(t)
  await login()
  const url = endSessionRequest(provider, { idToken: 'x'.repeat(9_000), state: 's' }) ?? ''
  t.ok(url.length < 8_000)
  t.equal(new URL(url).searchParams.get('state'), 's')
})

t.test('LO-1 LO-4 no endpoint, or a provider never reached: nowhere to go', async (t) => {
  const { provider, login } = await startLoginBed(
    t,
    {},
    {
      script: { metadata: (m) => ({ ...m, end_session_endpoint: undefined }) },
    },
  )
  await login()
  t.equal(endSessionRequest(provider, { state: 's' }), undefined)
  const scripted = await startScriptedProvider(t)
  await scripted.stop()
  t.equal(endSessionRequest(connectTo(t, scripted).provider, { state: 's' }), undefined)
})

t.test('LO-1 the provider may be down by now', async (t) => {
  const { scripted, provider, login } = await startLoginBed(t)
  await login()
  await scripted.stop()
  t.type(endSessionRequest(provider, { state: 's' }), 'string')
})
