import type { Lack } from '../domain/requirement.ts'
import { stepUpParameters } from '../domain/step-up.ts'

/**
 * The `WWW-Authenticate` of a refusal (RFC 9110 §11.6.1): `Bearer` on every 401, never Basic (ER-5), with what a better
 * login would be where that is missing (RFC 9470 §3).
 */
export function bearerChallenge(status: number, lack: Lack | undefined): string | undefined {
  if (status !== 401) return undefined
  if (lack?.reason !== 'step_up_required') return 'Bearer'
  const parameters = { error: 'insufficient_user_authentication', ...stepUpParameters(lack.stepUp) }
  const list = Object.entries(parameters).map(([name, value]) => `${name}="${value}"`)
  return `Bearer ${list.join(', ')}`
}
