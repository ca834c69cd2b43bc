import { createHmac } from 'node:crypto'

const MAX_REMEMBERED = 10_000 // some 2 MiB at most; one HMAC costs 3 µs, the look-up 0.1

/**
 * Stands in for subjects and session ids in logs (OB-3): the same person has the same pseudonym in
 * every line of every replica that shares the key, and nobody without the key can test a guess.
 */
export function createPseudonyms(key: Uint8Array): (identity: string) => string {
  const known = new Map<string, string>()
  return (identity) => {
    const remembered = known.get(identity)
    if (remembered !== undefined) return remembered
    const pseudonym = createHmac('sha256', key).update(identity).digest('base64url').slice(0, 22)
    if (known.size >= MAX_REMEMBERED) known.clear()
    known.set(identity, pseudonym)
    return pseudonym
  }
}
