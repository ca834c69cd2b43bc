import type { Reason } from '../domain/reason.ts'
import type { Lack } from '../domain/requirement.ts'
import { stepUpParameters } from '../domain/step-up.ts'

export interface Challenged {
  readonly lack?: Lack
  /** What the caller came with, or should have. */
  readonly credential?: 'bearer'
}

/**
 * The `WWW-Authenticate` of a refusal (RFC 9110 §11.6.1): `Bearer` on every 401, never Basic (ER-5). With an error for who came
 * with a token (RFC 6750 §3), and with what a better login would be where that is missing (RFC 9470 §3).
 */
export function bearerChallenge(
  reason: Reason,
  status: number,
  { lack, credential }: Challenged,
): string | undefined {
  const parameters = credential === 'bearer' ? errorOf(reason, lack) : stepUpOf(lack)
  if (parameters === undefined) return status === 401 ? 'Bearer' : undefined
  const list = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`)
  return `Bearer ${list.join(', ')}`
}

type Parameters = Readonly<Record<string, string>>

function errorOf(reason: Reason, lack: Lack | undefined): Parameters | undefined {
  switch (reason) {
    case 'bearer_invalid':
      return { error: 'invalid_token', error_description: 'The access token is not valid here' }
    case 'bearer_expired':
      return { error: 'invalid_token', error_description: 'The access token has expired' }
    case 'request_malformed':
      return { error: 'invalid_request' }
    case 'insufficient_scope':
      return lack?.reason === 'insufficient_scope'
        ? { error: 'insufficient_scope', scope: lack.scope.join(' ') }
        : undefined
    default:
      return stepUpOf(lack)
  }
}

function stepUpOf(lack: Lack | undefined): Parameters | undefined {
  return lack?.reason === 'step_up_required'
    ? { error: 'insufficient_user_authentication', ...stepUpParameters(lack.stepUp) }
    : undefined
}
