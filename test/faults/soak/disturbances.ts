import { setTimeout as pause } from 'node:timers/promises'
import type { DurableRedis } from '../../support/faults-durable-redis.ts'
import type { OpenIdProvider } from '../../support/openid-provider.ts'
import type { FaultWindowPlan, FaultWindows } from './fault-windows.ts'
import type { GatewayPlace } from './gateway-place.ts'
import type { ProviderFront } from './provider-front.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SoakUser } from './soak-user.ts'

/** One kind of harm, and the repair of it. */
export interface Disturbance {
  readonly kind: string
  /** Resolves when it is repaired. */
  readonly run: () => Promise<void>
}

export interface DisturbedParts {
  readonly random: SeededRandom
  readonly windows: FaultWindows
  readonly places: readonly GatewayPlace[]
  readonly workers: number
  /** Absent with another store. */
  readonly redis: DurableRedis | undefined
  readonly provider: OpenIdProvider
  readonly front: ProviderFront
  readonly upstream: { stop(): Promise<void>; restart(): Promise<void> }
  readonly users: readonly SoakUser[]
}

/** What begins and ends the harm; everything between is waiting. */
interface Harm {
  readonly window: Omit<FaultWindowPlan, 'graceMs'> & { readonly graceMs?: (ms: number) => number }
  readonly lengthMs: number
  readonly begin: () => unknown
  readonly end?: () => unknown
}

export const STORE_FAULTS = [
  'Redis frozen',
  'Redis frozen for long',
  'Redis killed',
  'Redis killed for long',
]
const STORE_DOWN = ['503 store_unavailable', 'login failed']
const PROVIDER_DOWN = ['503 provider_unavailable', 'login failed']
const UPSTREAM_DOWN = ['502 upstream_unreachable', '502 upstream_protocol_error', 'login failed']
const RECONNECTED_MS = 3_000 // about a second, and a refresh that failed is not tried again for a while

/** What may happen, each as often as it stands here. */
export function disturbances(parts: DisturbedParts): Disturbance[] {
  const { random, redis, workers } = parts
  const kinds: Record<string, readonly [times: number, harm: () => Harm]> = {
    ...gatewayHarms(parts),
    ...(workers > 1 ? { 'worker killed': [3, () => workerKilled(parts)] } : {}),
    ...(redis === undefined ? {} : redisHarms(redis, random)),
    ...providerHarms(parts),
    'upstream down': [
      2,
      () => ({
        window: { kind: 'upstream down', excuses: UPSTREAM_DOWN, graceMs: () => 500 },
        lengthMs: random.between(300, 3_000),
        begin: parts.upstream.stop,
        end: parts.upstream.restart,
      }),
    ],
    'clients leave': [3, () => clientsLeave(parts)],
    'users sign out': [4, () => usersSignOut(parts)],
  }
  return Object.entries(kinds).flatMap(([kind, [times, harm]]) =>
    Array.from({ length: times }, () => ({
      kind,
      run: () => inflict(parts.windows, kind, harm()),
    })),
  )
}

async function inflict(windows: FaultWindows, kind: string, harm: Harm): Promise<void> {
  const close = windows.open({ graceMs: () => 0, ...harm.window, kind })
  await harm.begin()
  await pause(harm.lengthMs)
  await harm.end?.()
  close()
}

type Harms = Record<string, readonly [number, () => Harm]>

function gatewayHarms({ random, places }: DisturbedParts): Harms {
  return {
    'gateway killed': [
      3,
      () => {
        const place = random.pick(places)
        return {
          window: {
            kind: '',
            excuses: ['connection lost', 'login failed'],
            port: place.port,
            graceMs: () => 200,
          },
          lengthMs: random.between(0, 2_000),
          begin: place.kill,
          end: place.start,
        }
      },
    ],
    'gateway frozen': [
      3,
      () => {
        const place = random.pick(places)
        return {
          window: {
            kind: '',
            excuses: STORE_DOWN,
            port: place.port,
            graceMs: () => RECONNECTED_MS,
          },
          lengthMs: random.between(300, 7_000),
          begin: () => place.freeze(random),
          end: place.thaw,
        }
      },
    ],
  }
}

function workerKilled({ random, places }: DisturbedParts): Harm {
  const place = random.pick(places)
  const excuses = ['connection lost', 'login failed']
  return {
    window: { kind: '', excuses, port: place.port, graceMs: () => 200 },
    lengthMs: 500,
    begin: () => place.killWorker(random),
  }
}

function redisHarms(redis: DurableRedis, random: SeededRandom): Harms {
  const window = { kind: '', excuses: STORE_DOWN, graceMs: () => RECONNECTED_MS }
  const frozen = (lengthMs: number) => ({
    window,
    lengthMs,
    begin: redis.freeze,
    end: redis.thaw,
  })
  const killed = (lengthMs: number) => ({
    window,
    lengthMs,
    begin: redis.kill,
    end: redis.restart,
  })
  return {
    'Redis frozen': [3, () => frozen(random.between(200, 6_000))],
    'Redis killed': [3, () => killed(random.between(200, 6_000))],
    'Redis frozen for long': [1, () => frozen(random.between(16_000, 22_000))],
    'Redis killed for long': [1, () => killed(random.between(16_000, 22_000))],
  }
}

/** A failed refresh is tried again after pauses that double: at the latest when as much time again is over. */
const TRIED_AGAIN_MS = 2_000
const triedAgain = (lengthMs: number) => Math.min(lengthMs, 30_000) + TRIED_AGAIN_MS

function providerHarms({ random, provider, front }: DisturbedParts): Harms {
  const down = { kind: '', excuses: PROVIDER_DOWN, graceMs: triedAgain }
  const frozen = (window: Harm['window'], lengthMs: number) => ({
    window,
    lengthMs,
    begin: front.freeze,
    end: front.thaw,
  })
  return {
    // Shorter than the gateway waits: nobody may notice more than a delay.
    'provider frozen': [2, () => frozen({ kind: '', excuses: [] }, random.between(500, 8_000))],
    'provider frozen for long': [1, () => frozen(down, random.between(11_000, 14_000))],
    'provider slow': [
      2,
      () => ({
        window: { kind: '', excuses: [] },
        lengthMs: random.between(2_000, 5_000),
        begin: () => front.slowDown(random.between(300, 2_500)),
        end: () => front.slowDown(0),
      }),
    ],
    'provider fails': [
      2,
      () => ({
        window: down,
        lengthMs: random.between(500, 6_000),
        begin: () => front.failWith(random.pick([404, 408, 429, 500, 502, 503])),
        end: () => front.failWith(undefined),
      }),
    ],
    'provider down': [
      2,
      () => ({
        window: down,
        lengthMs: random.between(500, 6_000),
        begin: provider.stop,
        end: provider.restart,
      }),
    ],
  }
}

function clientsLeave({ random, users }: DisturbedParts): Harm {
  return {
    window: { kind: '', excuses: [] },
    lengthMs: 0,
    async begin() {
      for (let burst = 0; burst < 10; burst++) {
        for (const user of random.some(users, users.length / 2)) user.leave()
        await pause(random.between(50, 400))
      }
    },
  }
}

function usersSignOut({ random, users }: DisturbedParts): Harm {
  return {
    window: { kind: '', excuses: [] },
    lengthMs: 0,
    begin() {
      for (const user of random.some(users, random.between(1, 4))) user.signOutSoon()
    },
  }
}
