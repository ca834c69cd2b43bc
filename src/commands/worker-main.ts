import { once } from 'node:events'
import { runGateway } from './run-gateway.ts'
import { ListenError } from '../server/listen.ts'
import { SessionFileError } from '../session-store/file-directory.ts'
import { createSharedClock } from '../steady-clock.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { FromWorker, ToWorker } from '../workers/worker-messages.ts'
import { unpackConfig, type WorkerOrder } from './worker-order.ts'

/* One worker of several (workers: N). Started by the main process, which tells it everything. */

const ordered = once(process, 'message') as Promise<[ToWorker]>
tell({ kind: 'awake' })
const [first] = await ordered
if (first.kind === 'start') process.exit(await work(first.order as WorkerOrder))
process.exit(1)

async function work({ config, adminSocket, clockAnchorMs }: WorkerOrder): Promise<number> {
  const stop = new AbortController()
  const io = {
    stdout: process.stdout,
    stderr: process.stderr,
    env: {},
    cwd: process.cwd(),
    signal: stop.signal,
  }
  try {
    return await runGateway({ config: unpackConfig(config), warnings: [] }, io, {
      adminSocket,
      nowMs: createSharedClock(clockAnchorMs),
      onListening({ publicAddress }, metrics) {
        process.on('message', (message: ToWorker) => {
          if (message.kind === 'stop') stop.abort()
          if (message.kind === 'measure') void measure(message.id, metrics)
        })
        tell({ kind: 'listening', publicAddress })
      },
    })
  } catch (error) {
    if (!(error instanceof ListenError) && !(error instanceof SessionFileError)) throw error
    await new Promise<void>((sent) => tell({ kind: 'failed', message: error.message }, sent))
    return 1
  }
}

async function measure(id: number, metrics: Metrics): Promise<void> {
  tell({ kind: 'measured', id, snapshot: await metrics.snapshot() })
}

function tell(message: FromWorker, sent: () => void = () => undefined): void {
  process.send?.(message, undefined, undefined, () => sent())
}
