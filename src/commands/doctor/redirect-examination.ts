import type { ProviderConfig } from '../../config/gateway-config.ts'
import { authorizationRequest } from '../../oidc/authorization-request.ts'
import type { BoundedFetch } from '../../oidc/bounded-fetch.ts'
import { endSessionRequest } from '../../oidc/end-session-request.ts'
import { errorCode, ProviderError } from '../../oidc/provider-error.ts'
import type { Provider } from '../../oidc/provider.ts'
import { evidence } from '../../telemetry/evidence.ts'
import { maskSecrets } from '../../telemetry/mask-secrets.ts'
import { ok, skipped, failure, warning, type Finding } from './finding.ts'
import { providerConnectionFailure } from './provider-failure.ts'

/** Asks for a silent login, as a browser would that nobody is signed in with, and looks where it would be sent. */
export async function examineRedirect(
  provider: Provider,
  config: ProviderConfig,
  fetch: BoundedFetch,
): Promise<Finding> {
  const wish = { returnTo: '/', attempt: 0, parameters: { prompt: 'none' } }
  const request = await authorizationRequest(provider, wish, Date.now()).catch((cause: unknown) =>
    notTaken(cause, config),
  )
  if ('status' in request) return request
  const { url } = request
  const answer = await asked(fetch, url)
  if (!(answer instanceof Response))
    return skipped(
      'redirect_uri',
      `the authorization endpoint is not reached from here (${answer}); browsers must reach it. ${register(config)}`,
    )
  const { status } = answer
  const location = answer.headers.get('location')
  if (location !== null && URL.canParse(location, url))
    return sentTo(new URL(location, url), config)
  if (status === 400 || status === 401 || status === 403 || status === 404) {
    const advice = `${register(config)} And check provider.clientId and provider.scope`
    return status === 400
      ? failure(
          'redirect_uri',
          'the provider shows an error page (400) instead of sending back: very likely it does not know the redirect URI or the client',
          advice,
        )
      : warning(
          'redirect_uri',
          `the authorization endpoint answers ${status}, perhaps because we are no browser`,
          advice,
        )
  }
  return skipped(
    'redirect_uri',
    `the authorization endpoint answers ${status} and no redirect: whether the redirect URI is registered cannot be told. ${register(config)}`,
  )
}

/** A request that is pushed is judged at once, redirect URI included (RFC 9126 §2.3). */
function notTaken(cause: unknown, config: ProviderConfig): Finding {
  const check = 'redirect_uri'
  if (!(cause instanceof ProviderError)) throw cause
  const { providerError } = cause
  if (providerError === 'network' || providerError === 'timeout') {
    const { found, advice } = providerConnectionFailure(cause.cause, ENDPOINT)
    return failure(check, `pushing an authorization request fails: ${found}`, advice)
  }
  const said = evidence(cause).find((link) => link.error_description !== undefined)
  const why = [providerError, ...(said?.error_description ? [said.error_description] : [])]
  return failure(
    check,
    `the provider does not take our pushed authorization request (${why.join(': ')})`,
    `${register(config)} And check how the client proves itself, provider.scope and resource`,
  )
}

const ENDPOINT = 'provider.endpoints.pushed_authorization_request_endpoint'

/** Answers that mean: nobody is signed in. */
const SILENT = /^(?:login|interaction|consent|account_selection)_(?:required)$/

function sentTo(target: URL, config: ProviderConfig): Finding {
  const { redirectUri } = config
  if (`${target.origin}${target.pathname}` !== redirectUri) {
    return /error/i.test(target.pathname)
      ? warning(
          'redirect_uri',
          'the provider sends to an error page: perhaps it does not know the redirect URI or the client',
          register(config),
        )
      : skipped(
          'redirect_uri',
          `the provider sends to a page of its own first: whether the redirect URI is registered cannot be told. ${register(config)}`,
        )
  }
  const error = target.searchParams.get('error')
  if (error === null || SILENT.test(error))
    return ok('redirect_uri', `${redirectUri} is registered`)
  const description = maskSecrets(target.searchParams.get('error_description') ?? '')
  const why = `${errorCode(error)}${description === '' ? '' : `: ${description}`}`
  return failure(
    'redirect_uri',
    `${redirectUri} is registered, but the login is refused (${why})`,
    'check provider.scope, resource, audience and authorizationParameters, and what the client may do at the provider',
  )
}

/** The same at the end of a session. */
export async function examineLogoutRedirect(
  provider: Provider,
  { postLogoutRedirectUri, clientId }: ProviderConfig,
  fetch: BoundedFetch,
): Promise<Finding[]> {
  const url = endSessionRequest(provider, { state: 'bearergate-doctor' })
  if (url === undefined) return []
  const answer = await asked(fetch, url)
  const check = 'post_logout_redirect_uri'
  if (!(answer instanceof Response))
    return [
      skipped(
        check,
        `the end_session_endpoint is not reached from here (${answer}); browsers must reach it`,
      ),
    ]
  if (answer.status >= 400 && answer.status < 500)
    return [
      warning(
        check,
        `the provider answers ${answer.status} to a sign-out: very likely it does not know the post-logout redirect URI`,
        `register ${postLogoutRedirectUri} for the client ${clientId}`,
      ),
    ]
  return [ok(check, `${postLogoutRedirectUri} was not refused`)]
}

async function asked(fetch: BoundedFetch, url: string): Promise<Response | string> {
  try {
    return await fetch(url, { headers: { accept: 'text/html' } })
  } catch (cause) {
    return providerConnectionFailure(cause).found
  }
}

function register({ redirectUri, clientId }: ProviderConfig): string {
  return `Register exactly ${redirectUri} for the client ${clientId}.`
}
