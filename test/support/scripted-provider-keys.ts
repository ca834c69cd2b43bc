import { createHmac, generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'

export type KeyName = 'rsa' | 'ec' | 'foreign' | 'none' | 'hs256'

/** The keys of a scripted provider; signs whatever it is told, right or wrong. */
export interface SigningKeys {
  kid(key: KeyName): string
  algorithm(key: KeyName): string
  /** The public halves of `rsa` and `ec`. */
  jwks(): { keys: Record<string, unknown>[] }
  /** The public half of a key, e.g. to put the attacker's key into a header. */
  publicJwk(key: 'rsa' | 'ec' | 'foreign'): Record<string, unknown>
  sign(
    key: KeyName,
    header: Record<string, unknown>,
    claims: Record<string, unknown>,
  ): Promise<string>
}

const ALGORITHMS: Record<KeyName, string> = {
  rsa: 'RS256',
  ec: 'ES256',
  foreign: 'RS256',
  none: 'none',
  hs256: 'HS256',
}

/** @param hmacKey what `hs256` signs with; by default the RSA public key, as in the classic attack */
export async function createSigningKeys(hmacKey?: string): Promise<SigningKeys> {
  const pairs = {
    rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    foreign: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  }
  const run = randomUUID().slice(0, 8)
  const kid = (key: KeyName) => (key === 'ec' ? `ec-${run}` : `rsa-${run}`)
  const publicJwk = (key: 'rsa' | 'ec' | 'foreign') => ({
    ...pairs[key].publicKey.export({ format: 'jwk' }),
    kid: kid(key),
    use: 'sig',
  })
  return {
    kid,
    algorithm: (key) => ALGORITHMS[key],
    publicJwk,
    jwks: () => ({ keys: [publicJwk('rsa'), publicJwk('ec')] }),
    sign: async (key, header, claims) => {
      const input = `${encode(header)}.${encode(claims)}`
      if (key === 'none') return `${input}.`
      if (key === 'hs256') {
        const secret =
          hmacKey ?? pairs.rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString()
        return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
      }
      return `${input}.${signature(input, pairs[key].privateKey, key === 'ec')}`
    },
  }
}

function encode(value: Record<string, unknown>): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function signature(input: string, key: KeyObject, elliptic: boolean): string {
  const options = elliptic ? { key, dsaEncoding: 'ieee-p1363' as const } : key
  return sign('sha256', Buffer.from(input), options).toString('base64url')
}
