import { hkdfSync } from 'node:crypto'

const KEY_BYTES = 32

/** One list per purpose: the first seals, all open (key rotation). */
export interface OwnKeys {
  readonly ticket: readonly Buffer[]
  readonly loginTransaction: readonly Buffer[]
  readonly logoutState: readonly Buffer[]
  readonly form: readonly Buffer[]
}

/**
 * Keys for everything we seal, each for its own purpose, so that a value sealed for one is never
 * accepted as another (STANDARDS SE-23; HKDF, RFC 5869).
 *
 * @throws RangeError when a secret is shorter than 32 bytes: one bad entry of a rotation list would
 * otherwise be found by a user's cookie (SE-16)
 */
export function deriveKeys(secrets: readonly Uint8Array[]): OwnKeys {
  if (secrets.length === 0) throw new RangeError('at least one session secret is needed')
  if (secrets.some((secret) => secret.length < KEY_BYTES)) {
    throw new RangeError(`every session secret must have at least ${KEY_BYTES} bytes`)
  }
  const keysFor = (purpose: string): Buffer[] =>
    secrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', purpose, KEY_BYTES)))
  return {
    ticket: keysFor('bearergate ticket 1'),
    loginTransaction: keysFor('bearergate login transaction 1'),
    logoutState: keysFor('bearergate logout state 1'),
    form: keysFor('bearergate form 1'),
  }
}
