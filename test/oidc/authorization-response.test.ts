import t from 'tap'
import { authorizationCodeGrant } from '../../src/oidc/authorization-code-grant.ts'
import { errorCode } from '../../src/oidc/provider-error.ts'
import { failure, startLoginBed } from './login-fixture.ts'

/** The provider answers with an error instead of a code. */
const ERRORS: readonly { error: string; prompt?: string; reason: string; interactive?: boolean }[] =
  [
    { error: 'access_denied', reason: 'login_refused' },
    { error: 'login_required', prompt: 'none', reason: 'login_refused', interactive: true },
    { error: 'interaction_required', prompt: 'none', reason: 'login_refused', interactive: true },
    { error: 'consent_required', prompt: 'none', reason: 'login_refused', interactive: true },
    {
      error: 'account_selection_required',
      prompt: 'none',
      reason: 'login_refused',
      interactive: true,
    },
    { error: 'access_denied', prompt: 'none', reason: 'login_refused' },
    { error: 'login_required', reason: 'login_refused' },
    { error: 'temporarily_unavailable', reason: 'provider_unavailable' },
    { error: 'server_error', reason: 'provider_unavailable' },
    { error: 'unauthorized_client', reason: 'provider_error' },
    { error: 'invalid_scope', reason: 'provider_error' },
    { error: 'invalid_request', reason: 'provider_error' },
    { error: 'user_is_blocked', reason: 'login_refused' },
  ]

t.test('CB-10 CB-11 an error answer is sorted by its code and costs no token call', async (t) => {
  const { scripted, begin, provider, eventsOf } = await startLoginBed(t)
  for (const { error, prompt, reason, interactive = false } of ERRORS) {
    scripted.script.callback = (own) => {
      own.delete('code')
      own.set('error', error)
      own.set('error_description', '<script>alert(1)</script>\r\n' + 'x'.repeat(10_000))
      own.set('error_uri', 'javascript:alert(1)')
      return own
    }
    const { callback, transaction } = await begin(prompt === undefined ? {} : { prompt })
    const refused = await failure(authorizationCodeGrant(provider, callback, transaction))
    t.match(refused, { reason, providerError: error, interactionRequired: interactive }, error)
    t.notMatch(refused.message, /script/)
  }
  t.equal(scripted.callsTo('/token'), 0)
  t.equal(eventsOf('provider_refused_client').length, 1, 'S-3 unauthorized_client is reported')
})

t.test('CB-3 CB-10 an error answer with another state or issuer is not believed', async (t) => {
  const { scripted, begin, provider } = await startLoginBed(t)
  const denied = (more: Record<string, string>) => (own: URLSearchParams) => {
    own.delete('code')
    own.set('error', 'access_denied')
    for (const [name, value] of Object.entries(more)) own.set(name, value)
    return own
  }
  scripted.script.callback = denied({ state: 'other' })
  const first = await begin()
  t.match(await failure(authorizationCodeGrant(provider, first.callback, first.transaction)), {
    reason: 'login_state_unknown',
  })
  scripted.script.callback = denied({ iss: 'https://evil.example' })
  const second = await begin()
  const refused = await failure(
    authorizationCodeGrant(provider, second.callback, second.transaction),
  )
  t.equal(refused.reason, 'login_refused')
  t.equal(refused.providerError, undefined)
  t.equal(scripted.callsTo('/token'), 0)
})

t.test('an error code from the wire is a short word, or unknown_error', async (t) => {
  for (const word of ['access_denied', 'http-500', 'a.b']) t.equal(errorCode(word), word)
  for (const wrong of ['<script>', 'a b', '', 'x'.repeat(65), 'a\n', undefined, 7]) {
    t.equal(errorCode(wrong), 'unknown_error')
  }
})
