import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatDiagnostic } from '../config/config-error.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import { listen } from '../server/listen.ts'
import { createSteadyClock, steadyClockAnchor } from '../steady-clock.ts'
import { createWorkerMetrics, type WorkerMetrics } from '../telemetry/worker-metrics.ts'
import { readVersion } from '../version.ts'
import { createWorkerSet, type WorkerDeath, type WorkerSet } from '../workers/worker-set.ts'
import { createWorkersAdmin } from '../workers/workers-admin.ts'
import type { CommandIo } from './command-io.ts'
import { awaitProcessEnd } from './process-end.ts'
import { processTelemetry, sayStarted } from './process-telemetry.ts'
import { packConfig, type WorkerOrder } from './worker-order.ts'

const WORKER_MAIN = fileURLToPath(new URL('worker-main.js', import.meta.url))
const LAST_GRACE_MS = 5_000 // what a worker closes after its drain: store, provider, log

/**
 * Runs `workers` processes on one listener and keeps them running. This process serves no request:
 * it deals out connections, replaces who fails, and answers for all on the admin listener.
 *
 * @throws ListenError, WorkerStartError
 */
export async function runWorkers(
  { config, warnings }: LoadedConfig,
  io: CommandIo,
): Promise<number> {
  const metrics = createWorkerMetrics()
  const telemetry = processTelemetry(config, metrics)
  const ending = awaitProcessEnd(io.signal, (cause) =>
    telemetry.emit({ type: 'internal_error', cause }),
  )
  const socketDirectory = await mkdtemp(join(tmpdir(), 'bearergate-workers-'))
  const sentConfig = packConfig(config)
  const clockAnchorMs = steadyClockAnchor()
  const workers = createWorkerSet({
    count: config.workers,
    main: WORKER_MAIN,
    orderFor: (adminSocket): WorkerOrder => ({ config: sentConfig, adminSocket, clockAnchorMs }),
    socketDirectory,
    nowMs: createSteadyClock(),
    onDeath: (death) => {
      metrics.workerDied()
      telemetry.say('error', 'a worker ended and is replaced', fieldsOf(death))
    },
  })
  try {
    for (const warning of warnings) telemetry.say('warn', formatDiagnostic(warning))
    const state = { shuttingDown: false }
    const admin = createAdmin(workers, metrics, state)
    const adminAddress = await listen(admin, config.admin.host, config.admin.port)
    const publicAddress = await workers.start()
    sayStarted(telemetry, config, readVersion(), { publicAddress, adminAddress })
    const { why, exitCode } = await ending.ended
    state.shuttingDown = true
    telemetry.say('info', 'shutting down', { why, workers: config.workers })
    const finished = await workers.stop(longestStopMs(config))
    admin.close()
    admin.closeAllConnections()
    telemetry.say(finished ? 'info' : 'warn', 'stopped', { everything_finished: finished })
    return exitCode
  } finally {
    await workers.stop(0)
    await rm(socketDirectory, { recursive: true, force: true })
    ending.stop()
    await telemetry.flush()
  }
}

function createAdmin(workers: WorkerSet, metrics: WorkerMetrics, state: { shuttingDown: boolean }) {
  return createWorkersAdmin({
    places: workers.places,
    metrics: {
      contentType: metrics.contentType,
      render: async () => metrics.renderAll(await workers.measure()),
    },
    shuttingDown: () => state.shuttingDown,
  })
}

function longestStopMs({ shutdown }: GatewayConfig): number {
  return shutdown.delayMs + shutdown.timeoutMs + LAST_GRACE_MS
}

function fieldsOf({ worker, pid, code, signal, restartInMs }: WorkerDeath) {
  return { worker, pid, exit_code: code, signal, restart_in_ms: restartInMs }
}
