import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'
import type { SessionRecord, Ticket } from '../domain/session-record.ts'
import type { Vault } from '../domain/session-vault.ts'
import { packText, unpackText } from './packed-text.ts'

const FORMAT = 2 // first octet of every sealed record; another format gets another number (SE-24)
const NONCE_BYTES = 12
const TAG_BYTES = 16
const HEADER_BYTES = 1 + NONCE_BYTES + TAG_BYTES
const KEY_BYTES = 32
const NAME_BYTES = 16 // no two names meet before 2^64 of them; each session holds three

/**
 * AES-256-GCM under a key derived from the ticket's key, which no store ever sees (RT-13). The
 * store's key, the format and the version are authenticated with it, so that a record put back at
 * another place or under another version is noise.
 */
export const vault: Vault = {
  storeKey: (ticketId) => hash('session', ticketId),
  indexKey: (kind, issuer, value) => hash(kind, issuer, value),
  transactionKey: (state) => hash('transaction', state),
  logoutTokenKey: (issuer, jti) => hash('logout token', issuer, jti),
  seal: (ticket, version, record) =>
    encrypt(recordKey(ticket), associatedData(ticket, version), packedRecord(record)),
  open(ticket, version, sealed) {
    if (sealed.length < HEADER_BYTES || sealed[0] !== FORMAT) return undefined
    return parseRecord(decrypt(recordKey(ticket), associatedData(ticket, version), sealed))
  },
}

// A JSON array, because parts joined by a separator could be two different lists.
function hash(...parts: string[]): string {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest()
  return digest.subarray(0, NAME_BYTES).toString('base64url')
}

function recordKey(ticket: Ticket): Uint8Array {
  const secret = Buffer.from(ticket.key, 'base64url')
  return new Uint8Array(hkdfSync('sha256', secret, '', 'bearergate session record', KEY_BYTES))
}

function associatedData(ticket: Ticket, version: number): Uint8Array {
  return Buffer.from(`${FORMAT} ${version} ${hash('session', ticket.id)}`)
}

function encrypt(key: Uint8Array, aad: Uint8Array, text: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(aad)
  const body = cipher.update(text)
  cipher.final()
  // Exactly as large as needed: a slice of a shared pool would keep the whole pool alive.
  const sealed = new Uint8Array(HEADER_BYTES + body.length)
  sealed[0] = FORMAT
  sealed.set(nonce, 1)
  sealed.set(cipher.getAuthTag(), 1 + NONCE_BYTES)
  sealed.set(body, HEADER_BYTES)
  return sealed
}

function decrypt(key: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Buffer | undefined {
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(aad).setAuthTag(sealed.subarray(1 + NONCE_BYTES, HEADER_BYTES))
  try {
    const text = decipher.update(sealed.subarray(HEADER_BYTES))
    decipher.final()
    return text
  } catch {
    return undefined // GCM says no more than this: not sealed for this ticket and version
  }
}

// Values in the order of these names: written out, the names would cost 130 octets per session.
const FIELDS = Object.keys({
  formatVersion: true,
  issuer: true,
  subject: true,
  sid: true,
  claims: true,
  acr: true,
  authTimeMs: true,
  createdAtMs: true,
  endsAtMs: true,
  refreshToken: true,
  idToken: true,
  nonce: true,
  accessTokens: true,
  renewableUntilMs: true, // new names go last: gateways of both versions read the same store
} satisfies Record<keyof SessionRecord, true>) as (keyof SessionRecord)[]

function packedRecord(record: SessionRecord): Uint8Array {
  return packText(JSON.stringify(FIELDS.map((name) => record[name])))
}

function parseRecord(packed: Buffer | undefined): SessionRecord | undefined {
  if (packed === undefined) return undefined
  const values = JSON.parse(unpackText(packed)) as unknown[]
  if (values[0] !== 1) return undefined
  const known = FIELDS.map((name, at) => [name, values[at]]).filter(
    ([, value]) => value !== null && value !== undefined,
  )
  return Object.fromEntries(known) as SessionRecord
}
