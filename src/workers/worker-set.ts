import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'
import { join } from 'node:path'
import type { MetricsSnapshot } from '../telemetry/metrics.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

/** No worker could start; the message says in one line what to do. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError'
}

export interface WorkerSetOptions {
  readonly count: number
  /** The module a worker runs. */
  readonly main: string
  /** What it is told first. */
  readonly orderFor: (adminSocket: string) => object
  /** Where the workers' admin sockets are made: a directory of ours alone. */
  readonly socketDirectory: string
  readonly onDeath: (death: WorkerDeath) => void
  readonly nowMs: () => number
}

export interface WorkerDeath {
  readonly worker: number
  readonly pid: number | undefined
  readonly code: number | null
  readonly signal: string | null
  readonly restartInMs: number
}

/** One place among the workers: who fails is replaced in it. */
export interface WorkerPlace {
  readonly number: number
  readonly adminSocket: string
  readonly isListening: () => boolean
  readonly pid: () => number | undefined
}

export interface WorkerSet {
  readonly places: readonly WorkerPlace[]
  /** The public address, once all listen. @throws WorkerStartError */
  start(): Promise<string>
  /** The metrics of all that answer. */
  measure(): Promise<MetricsSnapshot[]>
  /** Lets all drain, then kills what is left; answers whether all ended as asked. */
  stop(timeoutMs: number): Promise<boolean>
}

interface Place extends WorkerPlace {
  worker: Worker | undefined
  listening: boolean
  startedAtMs: number
  quickDeaths: number
}

const QUICK_MS = 30_000 // who lived longer did not die of its start
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 10_000
const MEASURE_MS = 2_000

/** Keeps `count` processes running on one listener, whose connections the main process deals out in turn. */
export function createWorkerSet(options: WorkerSetOptions): WorkerSet {
  const { nowMs } = options
  cluster.setupPrimary({ exec: options.main, args: [], serialization: 'advanced' })
  const places = Array.from({ length: options.count }, (_, index) => newPlace(index + 1))
  const asked = new Map<number, (snapshot: MetricsSnapshot) => void>()
  let lastAsked = 0
  let isStopping = false

  function newPlace(number: number): Place {
    const place: Place = {
      number,
      adminSocket: join(options.socketDirectory, `worker-${number}.sock`),
      isListening: () => place.listening,
      pid: () => place.worker?.process.pid,
      worker: undefined,
      listening: false,
      startedAtMs: 0,
      quickDeaths: 0,
    }
    return place
  }

  function launch(place: Place): Worker {
    const worker = cluster.fork()
    place.worker = worker
    place.startedAtMs = nowMs()
    const order = options.orderFor(place.adminSocket)
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'awake') send(worker, { kind: 'start', order })
      if (message.kind === 'listening') place.listening = true
      if (message.kind === 'measured') asked.get(message.id)?.(message.snapshot)
    })
    worker.on('error', () => undefined) // a channel that broke: its exit follows
    return worker
  }

  function keep(place: Place): void {
    place.worker?.once('exit', (code, signal) => {
      place.listening = false
      if (isStopping) return
      const restartInMs = pauseAfter(place)
      options.onDeath({ worker: place.number, pid: place.pid(), code, signal, restartInMs })
      setTimeout(() => {
        if (isStopping) return
        launch(place)
        keep(place)
      }, restartInMs)
    })
  }

  /** The first death is replaced at once; one after the other, ever more slowly. */
  function pauseAfter(place: Place): number {
    place.quickDeaths = nowMs() - place.startedAtMs < QUICK_MS ? place.quickDeaths + 1 : 0
    if (place.quickDeaths < 2) return 0
    return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (place.quickDeaths - 2))
  }

  async function measureOne(worker: Worker): Promise<MetricsSnapshot> {
    const id = ++lastAsked
    try {
      return await new Promise((resolve, reject) => {
        asked.set(id, resolve)
        setTimeout(reject, MEASURE_MS, new Error('a worker did not answer')).unref()
        send(worker, { kind: 'measure', id })
      })
    } finally {
      asked.delete(id)
    }
  }

  return {
    places,
    async start() {
      const [address] = await Promise.all(places.map((place) => firstStart(launch(place))))
      for (const place of places) keep(place)
      return address ?? ''
    },
    async measure() {
      const listening = places.filter((place) => place.listening)
      const answers = await Promise.allSettled(
        listening.flatMap(({ worker }) => (worker === undefined ? [] : [measureOne(worker)])),
      )
      return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    },
    async stop(timeoutMs) {
      isStopping = true
      const alive = places.flatMap(({ worker }) => (worker?.isDead() === false ? [worker] : []))
      const ended = await Promise.all(alive.map((worker) => stopOne(worker, timeoutMs)))
      return ended.every(Boolean)
    },
  }
}

function send(worker: Worker, message: ToWorker): void {
  if (worker.isConnected()) worker.send(message, () => undefined)
}

function firstStart(worker: Worker): Promise<string> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if (message.kind === 'listening') resolve(message.publicAddress)
      if (message.kind === 'failed') reject(new WorkerStartError(message.message))
    })
    worker.once('exit', (code, signal) => {
      reject(new WorkerStartError(`a worker ended while it started (${signal ?? code})`))
    })
  })
}

async function stopOne(worker: Worker, timeoutMs: number): Promise<boolean> {
  const exited = once(worker, 'exit') as Promise<[number | null]>
  const timer = setTimeout(() => worker.process.kill('SIGKILL'), timeoutMs)
  send(worker, { kind: 'stop' })
  const [code] = await exited
  clearTimeout(timer)
  return code === 0
}
