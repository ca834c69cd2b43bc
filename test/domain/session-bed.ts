import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { Test } from 'tap'
import type { GatewayEvent } from '../../src/domain/events.ts'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import {
  createSessionEngine,
  type LiveSession,
  type SessionEngine,
  type SessionEngineOptions,
} from '../../src/domain/session-engine.ts'
import type { SessionTokenWish } from '../../src/domain/route-token.ts'
import type { SessionRecord, Ticket } from '../../src/domain/session-record.ts'
import type { SessionStore } from '../../src/domain/session-store.ts'
import type { RefreshAnswer, GrantAnswer, SignIn } from '../../src/domain/sign-in.ts'
import type { After } from '../../src/domain/timer.ts'
import { createMemorySessionStore } from '../../src/session-store/memory-session-store.ts'
import { vault } from '../../src/session-store/vault.ts'

export const SECOND_MS = 1_000
export const MINUTE_MS = 60 * SECOND_MS

/** Time that passes only when told to, with the timers that hang on it. */
export interface Clock {
  nowMs(): number
  /** The same time as the wall clock has it, which somebody may set. */
  wallMs(): number
  setWall(offMs: number): void
  after: After
  /** Moves on, running what is due on the way, and lets everything that follows from it happen. */
  advance(ms: number): Promise<void>
  /** How many timers are waiting. */
  pending(): number
}

export function createClock(): Clock {
  let nowMs = 1_700_000_000_000
  let offMs = 0
  const timers = new Set<{ atMs: number; run: () => void }>()
  const nextDue = (untilMs: number): { atMs: number; run: () => void } | undefined =>
    [...timers].filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
  return {
    nowMs: () => nowMs,
    wallMs: () => nowMs + offMs,
    setWall: (off) => void (offMs = off),
    pending: () => timers.size,
    after(delayMs, run) {
      const timer = { atMs: nowMs + delayMs, run }
      timers.add(timer)
      return () => void timers.delete(timer)
    },
    async advance(ms) {
      await settle()
      const untilMs = nowMs + ms
      for (let due = nextDue(untilMs); due !== undefined; due = nextDue(untilMs)) {
        timers.delete(due)
        nowMs = Math.max(nowMs, due.atMs)
        due.run()
        await settle()
      }
      nowMs = untilMs
      await settle()
    },
  }
}

/** Lets everything happen that needs no more time. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await setImmediate()
}

/** A store that fails where told to. */
export interface Breakable {
  readonly store: SessionStore
  /** The store itself, out of reach of every fault. */
  readonly inner: SessionStore
  readonly broken: Set<keyof SessionStore>
  isLive: boolean
  /** Answers instead of the store's own method. */
  readonly instead: Partial<SessionStore>
  readonly calls: (keyof SessionStore)[]
}

export function breakable(inner: SessionStore): Breakable {
  const broken = new Set<keyof SessionStore>()
  const calls: (keyof SessionStore)[] = []
  const instead: Partial<SessionStore> = {}
  const bed = { store: new Proxy(inner, { get }), inner, broken, isLive: true, instead, calls }
  function get(target: SessionStore, name: keyof SessionStore): unknown {
    if (name === 'watchIsLive') return () => bed.isLive
    if (name === 'watch') return target.watch
    return (...values: unknown[]): unknown => {
      calls.push(name)
      if (broken.has(name)) return Promise.reject(storeDown())
      const method = (instead[name] ?? target[name]) as (...values: unknown[]) => unknown
      return method(...values)
    }
  }
  return bed
}

export function storeDown(): GatewayError {
  return new GatewayError('store_unavailable', 'told to fail')
}

export type Grant = (record: SessionRecord, nth: number) => GrantAnswer | Promise<GrantAnswer>

export type RouteGrant = (
  record: SessionRecord,
  wish: SessionTokenWish,
  nth: number,
) => GrantAnswer | Promise<GrantAnswer>

export interface BedOptions {
  readonly tokenLifeMs?: number
  readonly idleTimeoutMs?: number
  readonly lifetimeMs?: number
  readonly cacheEntries?: number
  readonly maxPerSubject?: number
  readonly grant?: Grant
  readonly routeGrant?: RouteGrant
}

export interface SessionBed {
  readonly clock: Clock
  readonly engine: SessionEngine
  readonly store: SessionStore
  readonly breaks: Breakable
  readonly events: GatewayEvent[]
  /** The refresh tokens that were presented to the provider, and access tokens given in exchange. */
  readonly presented: (string | undefined)[]
  /** Another process over the same store. */
  /** Another process over the same store. `issuers`: of which providers, default those of the bed. */
  replica(issuers?: ReadonlySet<string>): SessionEngine
  answer(nth: number | string): RefreshAnswer
  signIn(over?: Partial<SignIn>): SignIn
  /** A signed-in session. */
  live(over?: Partial<SignIn>): Promise<{ ticket: Ticket; session: LiveSession }>
  eventsOf(type: GatewayEvent['type']): GatewayEvent[]
}

/** An engine over a memory store, with a provider that answers as scripted. */
export function sessionBed(t: Test, options: BedOptions = {}): SessionBed {
  const { tokenLifeMs = 10 * MINUTE_MS, idleTimeoutMs = 30 * MINUTE_MS } = options
  const { lifetimeMs = 12 * 60 * MINUTE_MS, cacheEntries = 100 } = options
  const clock = createClock()
  const breaks = breakable(createMemorySessionStore({ maxSessions: 1_000, nowMs: clock.nowMs }))
  const events: GatewayEvent[] = []
  const presented: (string | undefined)[] = []

  function answer(nth: number | string): RefreshAnswer {
    return { accessToken: token(`access ${nth}`), refreshToken: `refresh ${nth}` }
  }

  function token(value: string) {
    const obtainedAtMs = clock.wallMs()
    return { target: '', value, obtainedAtMs, expiresAtMs: obtainedAtMs + tokenLifeMs }
  }

  function signIn(over: Partial<SignIn> = {}): SignIn {
    return {
      issuer: 'https://op.example',
      subject: 'alice',
      sid: 'sid 0',
      claims: { sub: 'alice', groups: ['staff'] },
      idToken: 'id token 0',
      nonce: 'nonce 0',
      refreshToken: 'refresh 0',
      accessToken: token('access 0'),
      ...over,
    }
  }

  const grant: Grant = options.grant ?? ((_record, nth) => answer(nth))
  const routeGrant: RouteGrant =
    options.routeGrant ??
    ((_record, { via, target }, nth) => ({
      accessToken: { ...token(`${via} ${nth}`), target },
      ...(via === 'refresh' ? { refreshToken: `refresh ${nth}` } : {}),
    }))
  const engineOptions: SessionEngineOptions = {
    store: breaks.store,
    vault,
    issuers: new Set(['https://op.example']),
    refreshTokenGrant: async (record) => {
      presented.push(record.refreshToken)
      return grant(record, presented.length)
    },
    routeTokenGrant: async (record, wish) => {
      presented.push(wish.via === 'refresh' ? record.refreshToken : record.accessTokens[0]?.value)
      return routeGrant(record, wish, presented.length)
    },
    idleTimeoutMs,
    lifetimeMs,
    refreshCooldownMs: MINUTE_MS,
    cacheEntries,
    ...(options.maxPerSubject === undefined ? {} : { maxPerSubject: options.maxPerSubject }),
    nowMs: clock.nowMs,
    wallClockMs: clock.wallMs,
    randomToken: () => randomBytes(32).toString('base64url'),
    emit: (event) => events.push(event),
    after: clock.after,
  }

  function replica(issuers = engineOptions.issuers): SessionEngine {
    const engine = createSessionEngine({ ...engineOptions, issuers })
    t.teardown(() => engine.close())
    return engine
  }

  const engine = replica()
  t.teardown(() => breaks.store.close())
  return {
    clock,
    engine,
    store: breaks.store,
    breaks,
    events,
    presented,
    replica,
    answer,
    signIn,
    async live(over) {
      const ticket = await engine.create(signIn(over), undefined)
      return { ticket, session: liveSession(await engine.find(ticket)) }
    },
    eventsOf: (type) => events.filter((event) => event.type === type),
  }
}

export function liveSession(found: unknown): LiveSession {
  if (typeof found === 'object' && found !== null && 'ticket' in found) return found as LiveSession
  throw new Error(`no live session: ${JSON.stringify(found)}`)
}

/** A promise that is settled from outside. */
export function deferred<Value>(): {
  promise: Promise<Value>
  resolve: (value: Value) => void
  reject: (error: unknown) => void
} {
  let resolve!: (value: Value) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<Value>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

export async function reasonOf(work: unknown): Promise<unknown> {
  try {
    return await work
  } catch (error) {
    return error instanceof GatewayError ? error.reason : error
  }
}
