import { rmSync } from 'node:fs'
import { dirname } from 'node:path'
import { ListenError } from '../server/listen.ts'
import { SessionFileError } from '../session-store/file-directory.ts'
import { createSharedClock } from '../steady-clock.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { FromWorker, ToWorker } from '../workers/worker-messages.ts'
import { runGateway, type RunningWorker } from './run-gateway.ts'
import { unpackConfig, type SentConfig, type WorkerOrder } from './worker-order.ts'

/* One worker of several (workers: N). Started by the main process, which tells it everything, and
   without which it ends: node:cluster exits when the channel to it closes. */

const stop = new AbortController()
let running: RunningWorker | undefined
let wanted: SentConfig | undefined
let reloading = Promise.resolve()

process.on('SIGHUP', () => undefined) // a terminal tells the whole group; the main process reloads us all

process.on('message', (message: ToWorker) => {
  if (message.kind === 'start') void live(message.order as WorkerOrder)
  if (message.kind === 'ping') void tell({ kind: 'pong' })
  if (message.kind === 'measure' && running !== undefined) void measure(message.id, running.metrics)
  if (message.kind === 'reload') {
    wanted = message.config as SentConfig
    reload()
  }
  if (message.kind === 'stop') {
    void tell({ kind: 'stopping' })
    stop.abort()
  }
})
void tell({ kind: 'awake' })

/** What came before it listens waits for that. */
function reload(): void {
  if (running === undefined || wanted === undefined) return
  const { reload: takeOn } = running
  const config = unpackConfig(wanted)
  wanted = undefined
  reloading = reloading.then(() => takeOn(config)).then(() => tell({ kind: 'reloaded' }))
}

async function live(order: WorkerOrder): Promise<void> {
  process.once('exit', () => tidyAfterMain(order.adminSocket))
  process.exit(await work(order))
}

/** A main process that was killed could not remove the sockets' directory. */
function tidyAfterMain(adminSocket: string): void {
  if (!process.connected) rmSync(dirname(adminSocket), { recursive: true, force: true })
}

async function work(order: WorkerOrder): Promise<number> {
  const io = {
    stdout: process.stdout,
    stderr: process.stderr,
    env: {},
    cwd: process.cwd(),
    signal: stop.signal,
  }
  try {
    return await runGateway({ config: unpackConfig(order.config), warnings: [] }, io, {
      worker: {
        number: order.number,
        adminSocket: order.adminSocket,
        nowMs: createSharedClock(order.clockAnchorMs),
        onListening({ publicAddress }, gateway) {
          running = gateway
          reload()
          void tell({ kind: 'listening', publicAddress })
        },
        async onStopped(finished, metrics) {
          metrics.probe(undefined)
          await tell({ kind: 'stopped', finished, snapshot: await metrics.snapshot() })
        },
      },
    })
  } catch (error) {
    if (!(error instanceof ListenError) && !(error instanceof SessionFileError)) throw error
    await tell({ kind: 'failed', message: error.message })
    return 1
  }
}

async function measure(id: number, metrics: Metrics): Promise<void> {
  await tell({ kind: 'measured', id, snapshot: await metrics.snapshot() })
}

/** Resolves when it is sent, or cannot be: then the main process is gone. */
function tell(message: FromWorker): Promise<void> {
  return new Promise((sent) => {
    if (process.send === undefined) return sent()
    process.send(message, undefined, undefined, () => sent())
  })
}
