import type { SessionEnd } from '../domain/session-record.ts'
import type { SessionChange } from '../domain/session-store.ts'
import { isSessionEnd } from './redis-record.ts'

/** What replicas tell each other: three words, no secret among them. */
export type RedisMessage =
  Exclude<SessionChange, { kind: 'missed' }> | { readonly kind: 'unlocked'; readonly key: string }

export function replacedMessage(key: string, version: number): string {
  return `replaced ${version} ${key}`
}

export function endedMessage(key: string, reason: SessionEnd): string {
  return `ended ${reason} ${key}`
}

export function unlockedMessage(key: string): string {
  return `unlocked now ${key}`
}

/** `undefined` for anything else: a newer release may say more. */
export function parseMessage(text: string): RedisMessage | undefined {
  const [, kind, word = '', key = ''] = /^(\w+) (\w+) (.+)$/.exec(text) ?? []
  if (kind === 'unlocked') return { kind, key }
  if (kind === 'ended' && isSessionEnd(word)) return { kind, key, reason: word }
  if (kind === 'replaced' && /^\d{1,10}$/.test(word)) return { kind, key, version: Number(word) }
  return undefined
}
