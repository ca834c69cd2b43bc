import cluster, { type Worker } from 'node:cluster'
import type { MetricsSnapshot } from '../telemetry/metrics.ts'
import { watchUntaken } from './untaken-connections.ts'
import type { FromWorker, ToWorker } from './worker-messages.ts'

/** One life of a worker, from its start to its end. */
export interface WorkerProcess {
  readonly pid: number | undefined
  readonly isListening: () => boolean
  /** Its public address; never resolves when it ends before it listens. */
  readonly listening: Promise<string>
  readonly ended: Promise<WorkerEnd>
  /** What it counted when it last told. */
  readonly lastMeasured: () => MetricsSnapshot | undefined
  /** What it counts now, or counted last when it does not answer in time. */
  measure(): Promise<MetricsSnapshot | undefined>
  /** Tells it another configuration; resolves when it serves by it, has ended, or takes too long to say so. */
  reload(config: object): Promise<void>
  /** Asks for a sign of life. Kills the worker when it gave none since it was asked so often before. */
  look(): void
  /** Once it has ended: gives the connections it had not taken to the others. */
  giveBack(isOtherAlive: boolean): void
  /** Lets it drain, and kills it when it is deaf or the time is over; answers whether everything finished. */
  stop(timeoutMs: number): Promise<boolean>
}

export interface WorkerEnd {
  readonly code: number | null
  readonly signal: string | null
  /** Its own words about what it died of, or those of the system that could not start it. */
  readonly failure?: string
}

const MEASURE_MS = 2_000
const RELOAD_MS = 10_000 // it looks for new providers first
const UNANSWERED = 4
const DEAF_MS = 5_000 // long enough for a worker that is only busy
const LAST_WORDS_MS = 1_000

interface State {
  isListening: boolean
  /** It has its order. */
  isAwake: boolean
  /** It has not said that it heard it is to stop. */
  isDeaf: boolean
  unanswered: number
  lastMeasured?: MetricsSnapshot
  failure?: string
  finished?: boolean
}

/** Starts a process of the module that `cluster.setupPrimary` named. Never throws: it ends at once instead. */
export function startWorkerProcess(order: () => object): WorkerProcess {
  const forked = fork()
  return forked instanceof Error ? stillborn(forked) : watch(forked, order)
}

function watch(worker: Worker, order: () => object): WorkerProcess {
  const asked = new Map<number, (snapshot: MetricsSnapshot) => void>()
  const state: State = { isListening: false, isAwake: false, isDeaf: true, unanswered: 0 }
  const giveBack = watchUntaken(worker)
  const reloading = new Set<() => void>()
  let lastAsked = 0
  let tellListening: (address: string) => void = () => undefined
  const listening = new Promise<string>((resolve) => (tellListening = resolve))

  const hear: { [K in FromWorker['kind']]: (message: Extract<FromWorker, { kind: K }>) => void } = {
    awake: () => {
      state.isAwake = true
      send({ kind: 'start', order: order() })
    },
    listening: ({ publicAddress }) => {
      state.isListening = true
      tellListening(publicAddress)
    },
    failed: ({ message }) => void (state.failure = message),
    measured: ({ id, snapshot }) => {
      state.lastMeasured = snapshot
      asked.get(id)?.(snapshot)
    },
    reloaded: () => {
      for (const tell of reloading) tell()
    },
    pong: () => undefined,
    stopping: () => void (state.isDeaf = false),
    stopped: ({ finished, snapshot }) => {
      state.finished = finished
      state.lastMeasured = snapshot
    },
  }
  worker.on('message', (message: FromWorker) => {
    state.unanswered = 0
    hear[message.kind](message as never)
  })

  function send(message: ToWorker): void {
    if (worker.isConnected()) worker.send(message, () => undefined) // a broken channel: its end follows
  }

  const ended = endOf(worker).then((end) => {
    state.isListening = false
    return state.failure === undefined ? end : { ...end, failure: state.failure }
  })
  const kill = () => void worker.process.kill('SIGKILL')

  return {
    pid: worker.process.pid,
    isListening: () => state.isListening,
    listening,
    ended,
    lastMeasured: () => state.lastMeasured,
    measure: () => {
      const id = ++lastAsked
      return new Promise((resolve) => {
        const timer = setTimeout(() => answer(state.lastMeasured), MEASURE_MS)
        const answer = (snapshot: MetricsSnapshot | undefined) => {
          clearTimeout(timer)
          asked.delete(id)
          resolve(snapshot)
        }
        asked.set(id, answer)
        send({ kind: 'measure', id })
      })
    },
    reload: async (config) => {
      if (!state.isAwake) return // its order will be the new one
      send({ kind: 'reload', config })
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, RELOAD_MS)
        const tell = () => {
          clearTimeout(timer)
          resolve()
        }
        reloading.add(tell)
        void ended.then(tell)
      }).finally(() => reloading.clear())
    },
    look: () => {
      if (state.unanswered >= UNANSWERED) return kill()
      state.unanswered += 1
      send({ kind: 'ping' })
    },
    giveBack,
    stop: async (timeoutMs) => {
      const late = setTimeout(kill, timeoutMs)
      const deaf = setTimeout(() => void (state.isDeaf && kill()), DEAF_MS)
      send({ kind: 'stop' })
      const { code } = await ended
      clearTimeout(late)
      clearTimeout(deaf)
      return code === 0 && state.finished !== false
    },
  }
}

function fork(): Worker | Error {
  try {
    return cluster.fork()
  } catch (cause) {
    return cause instanceof Error ? cause : new Error(String(cause))
  }
}

function stillborn({ message }: Error): WorkerProcess {
  return {
    pid: undefined,
    isListening: () => false,
    listening: new Promise(() => undefined),
    ended: Promise.resolve({ code: null, signal: null, failure: message }),
    lastMeasured: () => undefined,
    measure: async () => undefined,
    reload: async () => undefined,
    look: () => undefined,
    giveBack: () => undefined,
    stop: async () => true,
  }
}

/** Once it is gone and its last words are heard. A process that the system could not start has only an error. */
function endOf(worker: Worker): Promise<WorkerEnd> {
  return new Promise((resolve) => {
    worker.once('exit', (code: number | null, signal: string | null) => {
      if (!worker.isConnected()) return resolve({ code, signal })
      const timer = setTimeout(resolve, LAST_WORDS_MS, { code, signal })
      worker.once('disconnect', () => {
        clearTimeout(timer)
        resolve({ code, signal })
      })
    })
    worker.on('error', (cause: Error) => {
      if (worker.process.pid === undefined) {
        resolve({ code: null, signal: null, failure: cause.message })
      }
    })
  })
}
