import { parseStepUp, type StepUp } from '../domain/step-up.ts'

const SCHEME = /(?:^|,)\s*(?:bearer|dpop)\s/i
const ERROR = parameter('error')
const ACR_VALUES = parameter('acr_values')
const MAX_AGE = parameter('max_age')
const WORDS = /^[\x21\x23-\x5b\x5d-\x7e ]{1,512}$/

/**
 * What an upstream's 401 asks of the login (RFC 9470 §3, STANDARDS RS-7); `undefined` for any other answer, and for a
 * challenge that does not say what would help.
 */
export function stepUpChallenge(status: number, rawHeaders: readonly Buffer[]): StepUp | undefined {
  if (status !== 401) return undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    if (rawHeaders[at]!.toString('latin1').toLowerCase() !== 'www-authenticate') continue
    const value = rawHeaders[at + 1]!.toString('latin1')
    if (!SCHEME.test(value) || read(ERROR, value) !== 'insufficient_user_authentication') continue
    const acrValues = read(ACR_VALUES, value)
    return parseStepUp(
      acrValues !== undefined && WORDS.test(acrValues) ? acrValues : undefined,
      read(MAX_AGE, value),
    )
  }
  return undefined
}

function parameter(name: string): RegExp {
  return new RegExp(String.raw`(?:^|[\s,])${name}\s*=\s*(?:"([^"]*)"|([^\s,"]+))`, 'i')
}

function read(pattern: RegExp, value: string): string | undefined {
  const found = pattern.exec(value)
  return found?.[1] ?? found?.[2]
}
