import { formatDiagnostic } from '../config/config-error.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import { createGateway, type Gateway, type GatewayAddresses } from '../gateway.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'
import { readVersion } from '../version.ts'
import type { CommandIo } from './command-io.ts'
import { awaitProcessEnd } from './process-end.ts'
import { processTelemetry, sayStarted } from './process-telemetry.ts'
import { ignoreSignal, reloadOnSignal, type ConfigSource } from './reloading.ts'

/** How one gateway among several workers differs from one alone. */
export interface WorkerPart {
  /** From 1, for the log. */
  readonly number: number
  readonly adminSocket: string
  readonly nowMs: () => number
  readonly onListening: (addresses: GatewayAddresses, running: RunningWorker) => void
  /** Told whether everything finished, before the process ends. */
  readonly onStopped: (finished: boolean, metrics: Metrics) => Promise<void>
}

export interface RunningWorker {
  readonly metrics: Metrics
  /** Takes on another configuration; a failure is told, and changes nothing. */
  readonly reload: (config: GatewayConfig) => Promise<void>
}

/** Of its own, or one of several workers. */
export interface GatewayPlace {
  /** Absent: it is not reloaded. */
  readonly source?: ConfigSource
  readonly worker?: WorkerPart
}

/**
 * Runs a gateway with everything a process needs around it: log, metrics, signals. Answers the exit
 * code once it has drained.
 *
 * @throws ListenError a port is taken or forbidden
 * @throws SessionFileError the session file cannot be used as it is
 */
export async function runGateway(
  { config, warnings }: LoadedConfig,
  io: CommandIo,
  { source, worker }: GatewayPlace = {},
): Promise<number> {
  const version = readVersion()
  const metrics = createMetrics({ version, routeIds: config.routes.map(({ id }) => id) })
  const telemetry = processTelemetry(config, metrics, worker?.number)
  const ending = awaitProcessEnd(io.signal, (cause) =>
    telemetry.emit({ type: 'internal_error', cause }),
  )
  try {
    for (const warning of warnings) telemetry.say('warn', formatDiagnostic(warning))
    const gateway = await createGateway(config, telemetry.emit, {
      ...partOf(worker),
      metrics,
      version,
    })
    const addresses = await listenOrClose(gateway)
    if (worker === undefined) sayStarted(telemetry, config, version, addresses)
    worker?.onListening(addresses, {
      metrics,
      reload: (wanted) =>
        gateway.reload(wanted).catch((cause) => telemetry.emit({ type: 'internal_error', cause })),
    })
    if (source !== undefined)
      reloadOnSignal(source, { running: config, telemetry, apply: gateway.reload })
    const { why, exitCode } = await ending.ended
    telemetry.say('info', 'shutting down', { why })
    const closing = gateway.close(why)
    if (source !== undefined) await ignoreSignal(source, telemetry)
    const finished = await closing
    telemetry.say(finished ? 'info' : 'warn', 'stopped', { everything_finished: finished })
    await worker?.onStopped(finished, metrics)
    return exitCode
  } finally {
    ending.stop()
    await telemetry.flush()
  }
}

async function listenOrClose(gateway: Gateway) {
  try {
    return await gateway.listen()
  } catch (error) {
    await gateway.close('not listening')
    throw error
  }
}

function partOf(worker: WorkerPart | undefined) {
  if (worker === undefined) return {}
  const { number, adminSocket, nowMs } = worker
  return { worker: number, adminSocket, nowMs }
}
