import { accepted, refused, type Parsed } from './parsed.ts'

/**
 * Parameters of the authorization request that are the gateway's own business: neither a login link
 * nor `authorizationParameters` may set them (STANDARDS AZ-1, AZ-9).
 */
const PROTOCOL_PARAMETERS: readonly string[] = [
  'client_id',
  'redirect_uri',
  'scope',
  'state',
  'nonce',
  'code_challenge',
  'code_challenge_method',
  'response_type',
  'response_mode',
  'request',
  'request_uri',
]

/** Parameters with a key of their own in the configuration. */
const KEY_OF_PARAMETER: Readonly<Record<string, string>> = {
  audience: 'provider.audience',
  resource: 'provider.resource',
  max_age: 'provider.maxAge',
  acr_values: 'provider.acrValues',
}

/** Parameters a browser must not choose, though an operator may. */
const OPERATORS_ONLY: readonly string[] = [
  'claims',
  'id_token_hint',
  'return_to',
  'authorization_details',
]

/** One scope value (RFC 6749 §3.3). */
export function parseScopeToken(text: string): Parsed<string> {
  if (!/^[\u0021\u0023-\u005b\u005d-\u007e]+$/.test(text)) {
    return refused(
      'is not a scope: visible ASCII without spaces, quotes and backslashes (RFC 6749 §3.3)',
    )
  }
  return accepted(text)
}

/** Scope values in one string, separated by spaces. */
export function parseScope(text: string): Parsed<readonly string[]> {
  const tokens = text.split(' ').filter((token) => token !== '')
  if (tokens.length === 0) return refused('has no scope in it')
  const problem = tokens.map(parseScopeToken).find((token) => 'wrong' in token)
  return problem !== undefined && 'wrong' in problem ? problem : accepted(tokens)
}

/** The name of a parameter that is sent on every login. */
export function parseAuthorizationParameter(text: string): Parsed<string> {
  return parseParameterName(text, PROTOCOL_PARAMETERS)
}

/** The name of a parameter that a login link may pass on. */
export function parseLoginParameter(text: string): Parsed<string> {
  if (OPERATORS_ONLY.includes(text)) return refused('is not for a login link to choose')
  return parseParameterName(text, PROTOCOL_PARAMETERS)
}

function parseParameterName(text: string, reserved: readonly string[]): Parsed<string> {
  if (text === '__proto__' || !/^[A-Za-z0-9_.:~-]{1,128}$/.test(text)) {
    return refused('is not a parameter name: letters, digits and _ . : ~ -')
  }
  if (reserved.includes(text)) {
    return refused('is a parameter of the protocol that only the gateway itself may set')
  }
  const key = Object.hasOwn(KEY_OF_PARAMETER, text) ? KEY_OF_PARAMETER[text] : undefined
  return key === undefined ? accepted(text) : refused(`has a key of its own: ${key}`)
}
