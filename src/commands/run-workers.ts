import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatDiagnostic } from '../config/config-error.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import { listen } from '../server/listen.ts'
import { createSteadyClock, steadyClockAnchor } from '../steady-clock.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import { createWorkerMetrics, type WorkerMetrics } from '../telemetry/worker-metrics.ts'
import { readVersion } from '../version.ts'
import {
  createWorkerSet,
  WorkerStartError,
  type WorkerDeath,
  type WorkerSet,
} from '../workers/worker-set.ts'
import { createWorkersAdmin } from '../workers/workers-admin.ts'
import type { CommandIo } from './command-io.ts'
import { awaitProcessEnd } from './process-end.ts'
import { processTelemetry, sayStarted } from './process-telemetry.ts'
import { ignoreSignal, reloadOnSignal, type ConfigSource } from './reloading.ts'
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
  source: ConfigSource,
): Promise<number> {
  const version = readVersion()
  const metrics = createWorkerMetrics({ version, routeIds: config.routes.map(({ id }) => id) })
  const telemetry = processTelemetry(config, metrics)
  const ending = awaitProcessEnd(io.signal, (cause) =>
    telemetry.emit({ type: 'internal_error', cause }),
  )
  const state = { config, shuttingDown: false }
  let workers: WorkerSet | undefined
  let admin: ReturnType<typeof createAdmin> | undefined
  try {
    for (const warning of warnings) telemetry.say('warn', formatDiagnostic(warning))
    workers = createWorkers(state, await makeSocketDirectory(), telemetry, metrics)
    admin = createAdmin(workers, metrics, state)
    const adminAddress = await listen(admin, config.admin.host, config.admin.port)
    const publicAddress = await Promise.race([workers.start(), ending.ended.then(() => undefined)])
    if (publicAddress !== undefined) {
      sayStarted(telemetry, config, version, { publicAddress, adminAddress })
      reloadOnSignal(source, { running: config, telemetry, apply: applyTo(workers, state) })
    }
    const { why, exitCode } = await ending.ended
    state.shuttingDown = true
    telemetry.say('info', 'shutting down', { why, workers: config.workers })
    await ignoreSignal(source, telemetry)
    const finished = await workers.stop(longestStopMs(state.config))
    telemetry.say(finished ? 'info' : 'warn', 'stopped', { everything_finished: finished })
    return exitCode
  } finally {
    await workers?.stop(0)
    admin?.close()
    admin?.closeAllConnections()
    ending.stop()
    await telemetry.flush()
  }
}

/** One that starts from now on gets it at its start. */
function applyTo(workers: WorkerSet, state: { config: GatewayConfig }) {
  return async (config: GatewayConfig): Promise<void> => {
    state.config = config
    await workers.reload(packConfig(config))
  }
}

function createWorkers(
  state: { readonly config: GatewayConfig },
  socketDirectory: string,
  telemetry: Telemetry,
  metrics: WorkerMetrics,
): WorkerSet {
  const clockAnchorMs = steadyClockAnchor()
  return createWorkerSet({
    count: state.config.workers,
    main: WORKER_MAIN,
    orderFor: ({ number, adminSocket }): WorkerOrder => ({
      number,
      config: packConfig(state.config),
      adminSocket,
      clockAnchorMs,
    }),
    socketDirectory,
    nowMs: createSteadyClock(),
    onListening: (which) => telemetry.say('info', 'a worker is listening', which),
    onDeath: (death) => {
      metrics.workerDied(death.lastMeasured)
      telemetry.say('error', 'a worker ended and is replaced', fieldsOf(death))
    },
  })
}

const LONGEST_SOCKET_NAME = 107 // what the kernel takes, less the zero at the end

/** Of this user alone, and gone with this process, however it ends short of SIGKILL. */
async function makeSocketDirectory(): Promise<string> {
  const wish = join(tmpdir(), 'bearergate-')
  const help =
    'workers need a writable directory for temporary files: mount one, or name it in TMPDIR'
  if (Buffer.byteLength(`${wish}123456/64.sock`) > LONGEST_SOCKET_NAME) {
    throw new WorkerStartError(`${tmpdir()}: the name is too long for local sockets; ${help}`)
  }
  const made = await mkdtemp(wish).catch((cause: NodeJS.ErrnoException) => {
    throw new WorkerStartError(`${tmpdir()}: ${cause.code}; ${help}`, { cause })
  })
  process.once('exit', () => rmSync(made, { recursive: true, force: true }))
  return made
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

function fieldsOf({ worker, pid, code, signal, failure, restartInMs }: WorkerDeath) {
  return {
    worker,
    pid,
    exit_code: code,
    signal,
    ...(failure === undefined ? {} : { why: failure }),
    restart_in_ms: restartInMs,
  }
}
