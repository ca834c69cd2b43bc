import { readFileSync } from 'node:fs'
import type { SeededRandom } from './seeded-random.ts'
import {
  startGatewayProcess,
  type GatewayPlan,
  type GatewayProcess,
} from '../../support/gateway.ts'
import { until } from '../../support/redis-servers.ts'

/** Where a gateway process runs, gets killed, and another one takes its place. */
export interface GatewayPlace {
  readonly name: string
  readonly port: number
  /** False between a kill and readiness. */
  isUp(): boolean
  /** The process of this moment, `a-2` being the second one here. */
  current(): Incarnation
  readonly incarnations: readonly Incarnation[]
  start(): Promise<void>
  /** SIGKILL to all of it. */
  kill(): Promise<void>
  /** SIGKILL to one of its workers: the process itself replaces it. */
  killWorker(random: SeededRandom): void
  /** SIGSTOP to the process, or to one of its workers. */
  freeze(random: SeededRandom): void
  thaw(): void
}

export interface Incarnation {
  readonly id: string
  readonly running: GatewayProcess
  /** When it, or one of its workers, was killed. */
  readonly killsMs: number[]
}

interface Owner {
  teardown(close: () => unknown): unknown
}

export interface GatewayPlaceOptions {
  readonly name: string
  readonly port: number
  readonly workers: number
  readonly planFor: (incarnationId: string) => GatewayPlan
}

const READY_MS = 30_000

export function createGatewayPlace(t: Owner, options: GatewayPlaceOptions): GatewayPlace {
  const { name, port, workers } = options
  const incarnations: Incarnation[] = []
  let isUp = false
  let frozen: number[] = []

  function current(): Incarnation {
    return incarnations.at(-1) as Incarnation
  }

  /** Who serves requests: the process, or its workers. */
  function servants(): number[] {
    const pid = current().running.child.pid as number
    return workers > 1 ? childrenOf(pid) : [pid]
  }

  return {
    name,
    port,
    isUp: () => isUp,
    current,
    incarnations,
    async start() {
      const id = `${name}-${incarnations.length + 1}`
      const running = await startGatewayProcess(t, options.planFor(id))
      incarnations.push({ id, running, killsMs: [] })
      await until(async () => (await running.ask('/readyz')).status === 200, READY_MS)
      isUp = true
    },
    async kill() {
      const { running, killsMs } = current()
      isUp = false
      killsMs.push(performance.now())
      running.child.kill('SIGKILL')
      await running.exited
    },
    killWorker(random) {
      const [pid] = random.some(servants(), 1)
      if (pid === undefined) return
      current().killsMs.push(performance.now())
      process.kill(pid, 'SIGKILL')
    },
    freeze(random) {
      frozen = random.some(servants(), 1)
      for (const pid of frozen) process.kill(pid, 'SIGSTOP')
    },
    thaw() {
      for (const pid of frozen) process.kill(pid, 'SIGCONT')
      frozen = []
    },
  }
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}
