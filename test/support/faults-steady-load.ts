import { setTimeout as pause } from 'node:timers/promises'
import type { Replica } from './faults-replicas.ts'
import type { Answer, Visitor } from './faults-visitor.ts'

/** Requests of several visitors, one after the other of each, through all replicas in turn. */
export interface SteadyLoad {
  readonly answers: readonly LoadAnswer[]
  /** Resolves when every visitor was served through every replica, from now on, so many times in a row. */
  untilServed(times: number): Promise<void>
  /** Lets the last answers arrive. @throws what went wrong on the way to an answer */
  stop(): Promise<void>
}

export interface LoadAnswer extends Answer {
  readonly name: string
  readonly port: number
  /** When it was there, of `performance.now()`. */
  readonly atMs: number
}

const LONGEST_OUTAGE_MS = 30_000

/** @param everyMs pause of a visitor between an answer and the next request */
export function startSteadyLoad(
  visitors: readonly Visitor[],
  replicas: readonly Pick<Replica, 'port'>[],
  everyMs: number,
): SteadyLoad {
  const answers: LoadAnswer[] = []
  const state = { isOver: false }

  async function visit(visitor: Visitor): Promise<void> {
    for (let nth = 0; !state.isOver; nth++) {
      const { port } = replicas[nth % replicas.length] as Replica
      const answer = await visitor.get(port)
      answers.push({ ...answer, name: visitor.name, port, atMs: performance.now() })
      await pause(everyMs)
    }
  }

  const ways = visitors.length * replicas.length
  const all = Promise.all(visitors.map(visit)).then(() => undefined)
  return {
    answers,
    async untilServed(times) {
      const giveUpAtMs = performance.now() + LONGEST_OUTAGE_MS
      let from = answers.length
      while (servedWays(answers.slice(from), times) < ways) {
        if (performance.now() > giveUpAtMs) throw new Error('not everybody is served again')
        await Promise.race([pause(everyMs), all])
        const lastRefused = answers.findLastIndex(({ status }) => status !== 200)
        from = Math.max(from, lastRefused + 1)
      }
    },
    stop() {
      state.isOver = true
      return all
    },
  }
}

function servedWays(answers: readonly LoadAnswer[], times: number): number {
  const counts = new Map<string, number>()
  for (const { name, port } of answers) {
    const way = `${name} ${port}`
    counts.set(way, (counts.get(way) ?? 0) + 1)
  }
  return [...counts.values()].filter((count) => count >= times).length
}
