import t from 'tap'
import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { SessionRecord } from '../../src/domain/session-record.ts'
import type { SessionStore } from '../../src/domain/session-store.ts'
import { createMemorySessionStore } from '../../src/session-store/memory-session-store.ts'
import { vault } from '../../src/session-store/vault.ts'

const SESSIONS = 6_000
const ACCESS_TOKEN_BYTES = 1_200
const ID_TOKEN_BYTES = 1_200
const REFRESH_TOKEN_BYTES = 64
const TOKENS_BYTES = ACCESS_TOKEN_BYTES + ID_TOKEN_BYTES + REFRESH_TOKEN_BYTES

function random(length: number): string {
  return randomBytes(length).toString('base64url').slice(0, length)
}

function newRecord(nowMs: number): SessionRecord {
  return {
    formatVersion: 1,
    issuer: 'https://tenant.eu.auth0.com/',
    subject: `auth0|${random(24)}`,
    sid: random(32),
    claims: { name: 'Alice Example', email: 'alice@example.com' },
    createdAtMs: nowMs,
    endsAtMs: nowMs + 1_000_000,
    nonce: random(43),
    refreshToken: random(REFRESH_TOKEN_BYTES),
    idToken: random(ID_TOKEN_BYTES),
    accessTokens: [
      {
        target: '',
        value: random(ACCESS_TOKEN_BYTES),
        scope: 'openid profile email offline_access',
        obtainedAtMs: nowMs,
        expiresAtMs: nowMs + 1_000,
      },
    ],
  }
}

async function usedBytes(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc') as () => void
  for (let round = 0; round < 4; round++) {
    collectGarbage()
    await setImmediate() // native parts are freed a turn later
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

async function store(sessions: SessionStore, nowMs: number): Promise<void> {
  const ticket = { id: random(43), key: random(43) }
  const record = newRecord(nowMs)
  const { issuer, subject, sid = '', endsAtMs } = record
  await sessions.create({
    key: vault.storeKey(ticket.id),
    sealed: vault.seal(ticket, 1, record),
    idleEndsAtMs: endsAtMs,
    endsAtMs,
    indexKeys: [vault.indexKey('sub', issuer, subject), vault.indexKey('sid', issuer, sid)],
  })
}

t.test('a stored session costs at most 1 KiB over its tokens', async (t) => {
  const nowMs = Date.now()
  const sessions = createMemorySessionStore({ maxSessions: 3 * SESSIONS, nowMs: () => nowMs })
  t.teardown(() => sessions.close())
  for (let count = 0; count < SESSIONS; count++) await store(sessions, nowMs) // code and caches warm up
  const before = await usedBytes()
  for (let count = 0; count < 2 * SESSIONS; count++) await store(sessions, nowMs)
  const each = ((await usedBytes()) - before) / (2 * SESSIONS)
  t.equal(await sessions.count(), 3 * SESSIONS)
  t.ok(each - TOKENS_BYTES <= 1_024, `${Math.round(each - TOKENS_BYTES)} bytes over the tokens`)
})
