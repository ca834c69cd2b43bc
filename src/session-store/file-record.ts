import { SESSION_ENDS, type SessionEnd } from '../domain/session-record.ts'
import type { NewStoredSession, StoredSession } from '../domain/session-store.ts'

/** A session as it lies in the file: what is told to the outside, and where it is filed. */
export interface FiledSession extends StoredSession {
  readonly endsAtMs: number
  readonly indexKeys: readonly string[]
}

/*
 *   octet 0      format
 *   octets 1–4   version
 *   octets 5–20  idle end, absolute end: epoch milliseconds, doubles
 *   octets 21–22 length of the index keys
 *   then         the index keys, separated by line feeds; then the sealed octets
 */
const FORMAT = 1 // another layout gets another number (SE-24)
const VERSION_AT = 1
const IDLE_END_AT = 5
const END_AT = 13
const KEYS_LENGTH_AT = 21
const HEADER_BYTES = 23

export function encodeFiled(session: FiledSession): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  const keys = Buffer.from(session.indexKeys.join('\n'))
  header[0] = FORMAT
  header.writeUInt32BE(session.version, VERSION_AT)
  header.writeDoubleBE(session.idleEndsAtMs, IDLE_END_AT)
  header.writeDoubleBE(session.endsAtMs, END_AT)
  header.writeUInt16BE(keys.length, KEYS_LENGTH_AT)
  return Buffer.concat([header, keys, session.sealed])
}

/** `undefined` for another format: it counts as absent (SE-24). */
export function decodeFiled(value: Buffer): FiledSession | undefined {
  if (value.length < HEADER_BYTES || value[0] !== FORMAT) return undefined
  const sealedAt = HEADER_BYTES + value.readUInt16BE(KEYS_LENGTH_AT)
  const keys = value.toString('utf8', HEADER_BYTES, sealedAt)
  return {
    version: value.readUInt32BE(VERSION_AT),
    idleEndsAtMs: value.readDoubleBE(IDLE_END_AT),
    endsAtMs: value.readDoubleBE(END_AT),
    indexKeys: keys === '' ? [] : keys.split('\n'),
    sealed: value.subarray(sealedAt),
  }
}

export function firstVersion(session: NewStoredSession): FiledSession {
  const { sealed, idleEndsAtMs, endsAtMs, indexKeys } = session
  return { sealed, idleEndsAtMs, endsAtMs, indexKeys, version: 1 }
}

/** A text that counts until a time, epoch milliseconds. */
export interface Dated {
  readonly text: string
  readonly untilMs: number
}

export function encodeDated({ text, untilMs }: Dated): string {
  return `${untilMs} ${text}`
}

export function decodeDated(value: Buffer): Dated {
  const written = value.toString()
  const at = written.indexOf(' ')
  return { untilMs: Number(written.slice(0, at)), text: written.slice(at + 1) }
}

const REASONS: ReadonlySet<string> = new Set(SESSION_ENDS)

export function isSessionEnd(word: unknown): word is SessionEnd {
  return typeof word === 'string' && REASONS.has(word)
}
