import cluster from 'node:cluster'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { MetricsSnapshot } from '../telemetry/metrics.ts'
import { startWorkerProcess, type WorkerEnd, type WorkerProcess } from './worker-process.ts'

/** The workers could not start; the message says in one line what to do. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError'
}

export interface WorkerSetOptions {
  readonly count: number
  /** The module a worker runs. */
  readonly main: string
  /** What it is told first. */
  readonly orderFor: (place: { readonly number: number; readonly adminSocket: string }) => object
  /** Where the workers' admin sockets are made: a directory of ours alone. */
  readonly socketDirectory: string
  readonly onListening: (worker: {
    readonly worker: number
    readonly pid: number | undefined
  }) => void
  readonly onDeath: (death: WorkerDeath) => void
  readonly nowMs: () => number
}

export interface WorkerDeath extends WorkerEnd {
  readonly worker: number
  readonly pid: number | undefined
  readonly restartInMs: number
  /** What it counted when it last told. */
  readonly lastMeasured: MetricsSnapshot | undefined
}

/** One place among the workers: who fails is replaced in it. */
export interface WorkerPlace {
  readonly number: number
  readonly adminSocket: string
  readonly isListening: () => boolean
}

export interface WorkerSet {
  readonly places: readonly WorkerPlace[]
  /** The public address, once all listen. @throws WorkerStartError one of them ended before */
  start(): Promise<string>
  /** Tells all that run another configuration; those that start later get it with their order. */
  reload(config: object): Promise<void>
  /** The metrics of all; of one that does not answer, those it told last. */
  measure(): Promise<MetricsSnapshot[]>
  /** Lets all drain, then kills what is left; answers whether everything finished. */
  stop(timeoutMs: number): Promise<boolean>
}

interface Place extends WorkerPlace {
  process?: WorkerProcess
  startedAtMs: number
  quickDeaths: number
}

const QUICK_MS = 30_000 // who lived longer did not die of its start
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 10_000
const LOOK_EVERY_MS = 5_000 // one that is stuck is killed after four looks without an answer

/** Keeps `count` processes running on one listener, whose connections this process deals out in turn. */
export function createWorkerSet(options: WorkerSetOptions): WorkerSet {
  const { nowMs } = options
  cluster.schedulingPolicy = cluster.SCHED_RR // the system's own way gives most connections to few
  cluster.setupPrimary({ exec: options.main, args: [], serialization: 'advanced' })
  const places = Array.from({ length: options.count }, (_, index) => newPlace(index + 1))
  const stopping = new AbortController()
  let looks: NodeJS.Timeout | undefined

  function newPlace(number: number): Place {
    const place: Place = {
      number,
      adminSocket: join(options.socketDirectory, `${number}.sock`),
      isListening: () => place.process?.isListening() === true,
      startedAtMs: 0,
      quickDeaths: 0,
    }
    return place
  }

  function launch(place: Place): WorkerProcess {
    place.startedAtMs = nowMs()
    const process = startWorkerProcess(() => options.orderFor(place))
    const { pid } = process
    void process.listening.then(() => options.onListening({ worker: place.number, pid }))
    place.process = process
    return process
  }

  async function keep(place: Place, first: WorkerProcess): Promise<void> {
    for (let process = first; ; process = launch(place)) {
      const end = await process.ended
      process.giveBack(places.some((other) => other.isListening()))
      if (stopping.signal.aborted) return
      const restartInMs = pauseAfter(place)
      const lastMeasured = process.lastMeasured()
      options.onDeath({ worker: place.number, pid: process.pid, ...end, restartInMs, lastMeasured })
      delete place.process
      await delay(restartInMs, undefined, { signal: stopping.signal }).catch(() => undefined)
      if (stopping.signal.aborted) return
    }
  }

  /** The first death is replaced at once; one after the other, ever more slowly. */
  function pauseAfter(place: Place): number {
    place.quickDeaths = nowMs() - place.startedAtMs < QUICK_MS ? place.quickDeaths + 1 : 0
    if (place.quickDeaths < 2) return 0
    return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (place.quickDeaths - 2))
  }

  const running = () => places.flatMap(({ process }) => (process === undefined ? [] : [process]))

  return {
    places,
    async start() {
      const first = places.map((place) => ({ place, process: launch(place) }))
      looks = setInterval(() => running().forEach((process) => process.look()), LOOK_EVERY_MS)
      const listening = Promise.all(first.map(({ process }) => process.listening))
      const ended = Promise.race(first.map(({ process }) => process.ended))
      const failed = ended.then((end): never => {
        throw startError(end)
      })
      const [address] = await Promise.race([listening, failed])
      for (const { place, process } of first) void keep(place, process)
      return address ?? ''
    },
    async reload(config) {
      await Promise.all(running().map((process) => process.reload(config)))
    },
    async measure() {
      const measured = await Promise.all(running().map((process) => process.measure()))
      return measured.filter((snapshot) => snapshot !== undefined)
    },
    async stop(timeoutMs) {
      stopping.abort()
      clearInterval(looks)
      const finished = await Promise.all(running().map((process) => process.stop(timeoutMs)))
      return finished.every(Boolean)
    },
  }
}

function startError({ code, signal, failure }: WorkerEnd): WorkerStartError {
  return new WorkerStartError(failure ?? `a worker ended while it started (${signal ?? code})`)
}
