import t from 'tap'
import type { ProviderOptions } from '../../src/oidc/provider-options.ts'
import { type Owner, startLoginBed } from './login-fixture.ts'

/** One login; what the token endpoint got. */
async function tokenCall(t: Owner, options: Partial<ProviderOptions>) {
  const { scripted, login } = await startLoginBed(t, options, {
    clientSecret: options.clientSecret ?? 'x',
  })
  await login()
  const [call] = scripted.requests.filter((one) => one.path === '/token')
  const basic = Buffer.from(String(call?.headers.authorization).slice(6), 'base64').toString()
  return {
    basic,
    authorization: call?.headers.authorization,
    form: Object.fromEntries(call?.form ?? []),
  }
}

t.test(
  'TK-2 TK-3 client_secret_basic form-encodes both halves and leaves - _ . ~ alone',
  async (t) => {
    const clientSecret = "p@ss:w+rd/ é-_.~!'()*"
    const { basic, form } = await tokenCall(t, {
      clientAuthentication: 'client_secret_basic',
      clientSecret,
    })
    t.equal(basic, 'gateway-client:p%40ss%3Aw%2Brd%2F+%C3%A9-_.~%21%27%28%29%2A')
    t.notOk('client_secret' in form || 'client_id' in form)
  },
)

t.test('TK-2 client_secret_basic_raw sends both halves as they are', async (t) => {
  const clientSecret = 'p@ss:w+rd/ é-_.~'
  const { basic } = await tokenCall(t, {
    clientAuthentication: 'client_secret_basic_raw',
    clientSecret,
  })
  t.equal(basic, `gateway-client:${clientSecret}`)
})

t.test('TK-3 client_secret_post sends the secret in the body only', async (t) => {
  const { authorization, form } = await tokenCall(t, {
    clientAuthentication: 'client_secret_post',
    clientSecret: 's:1',
  })
  t.equal(authorization, undefined)
  t.match(form, { client_id: 'gateway-client', client_secret: 's:1' })
})

t.test('S-1 none: a public client names itself and proves itself by PKCE', async (t) => {
  const { authorization, form } = await tokenCall(t, { clientAuthentication: 'none' })
  t.equal(authorization, undefined)
  t.match(form, { client_id: 'gateway-client', code_verifier: /^[\w-]{43}$/ })
  t.notOk('client_secret' in form)
})
