import { randomBytes } from 'node:crypto'
import type { SessionConfig } from '../../config/gateway-config.ts'
import type { SessionStore } from '../../domain/session-store.ts'
import { createStore } from '../../gateway-store.ts'
import { createSteadyClock } from '../../steady-clock.ts'
import { examineDirectory } from './directory-examination.ts'
import { failure, ok, warning, type Examination, type Finding, type Tell } from './finding.ts'
import { connectWithinMs, examineRedisServers } from './redis-examination.ts'
import { storeTrouble } from '../serving-store.ts'
import { fileFailure, redisFailure } from './store-failure.ts'

const HEARD_WITHIN_MS = 2_000 // the channel of Redis proves itself every half second
const PROBE_LIFE_MS = 60_000 // should doctor be killed in the middle
const SLOW_MS = 100

/** Opens the session store as the gateway does; writes, reads and ends a session of nobody. */
export function storeExamination(session: SessionConfig): Examination {
  return {
    subject: `session store (${session.store})`,
    async examine(tell) {
      const { file, redis } = session
      if (session.store === 'memory')
        return tell(ok('store', 'sessions are kept in memory: they end with the process'))
      if (file !== undefined && !examineDirectory(file, tell)) return
      const serves = await examineStore(session, tell)
      if (serves && redis !== undefined) await examineRedisServers(redis, tell)
    },
  }
}

/** False when it cannot be used. */
async function examineStore(session: SessionConfig, tell: Tell): Promise<boolean> {
  const failureOf = session.redis === undefined ? fileFailure : redisFailure
  let store: SessionStore | undefined
  try {
    let heard: unknown // nodes of a Cluster are heard of here only
    store = await createStore(session, createSteadyClock(), (event) => {
      if (event.type === 'store_failed') heard = event.cause
    })
    const trouble = await storeTrouble(store, connectWithinMs(session.redis))
    if (trouble !== undefined) {
      tell(failureOf(heard ?? trouble))
      return false
    }
    tell(await tryRecord(store))
    tell(await tryNews(store))
    return true
  } catch (cause) {
    tell(failureOf(cause))
    return false
  } finally {
    await store?.close()
  }
}

/** What a login, a request, a refresh and a sign-out ask of the store. What stays is a note that it has ended, for 15 minutes. */
async function tryRecord(store: SessionStore): Promise<Finding> {
  const key = randomBytes(16).toString('base64url') // as long as a hash, and that of no ticket
  const endsAtMs = Date.now() + PROBE_LIFE_MS
  const startedAtMs = performance.now()
  try {
    const sealed = randomBytes(64)
    await store.create({ key, sealed, idleEndsAtMs: endsAtMs, endsAtMs, indexKeys: [] })
    const written = await store.read(key)
    const isThere = written !== undefined && 'sealed' in written && sealed.equals(written.sealed)
    if (!isThere || !(await store.compareAndSet(key, 1, sealed))) return NOT_KEPT
    await store.touch(key, endsAtMs)
    if (!(await store.lock(key, 'doctor', PROBE_LIFE_MS))) return NOT_KEPT
    await store.unlock(key, 'doctor')
  } finally {
    await store.end(key, 'session_revoked')
  }
  const tookMs = Math.round(performance.now() - startedAtMs)
  const found = `a record was written, read, changed, locked and ended: ${tookMs} ms for seven operations`
  if (tookMs < 7 * SLOW_MS) return ok('store', found)
  return warning(
    'store',
    found,
    'bring the store nearer, or give it more power: requests wait for it',
  )
}

const NOT_KEPT = failure(
  'store',
  'a record that was written is not there when it is read',
  'is it a replica, a proxy or a caching layer in between? Name the server that sessions are written to',
)

/** Sign-outs elsewhere are heard of by this. */
async function tryNews(store: SessionStore): Promise<Finding> {
  const stop = store.watch(() => undefined)
  const giveUpAtMs = performance.now() + HEARD_WITHIN_MS
  while (!store.watchIsLive() && performance.now() < giveUpAtMs) await nap()
  const isLive = store.watchIsLive()
  stop()
  return isLive
    ? ok('news', 'changes made by other processes are heard of')
    : warning(
        'news',
        'changes made by other processes are not heard of: every request asks the store, and streams outlive sign-outs',
        'allow PUBLISH and SUBSCRIBE on the channels of session.redis.keyPrefix (docs/sessions.md)',
      )
}

function nap(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20))
}
