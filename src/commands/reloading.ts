import { ConfigError, formatDiagnostic } from '../config/config-error.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { LoadedFile } from '../config/load-config.ts'
import { isSameConfig, keysThatNeedRestart } from '../config/restart-keys.ts'
import type { Telemetry } from '../telemetry/telemetry.ts'
import type { ReloadSignal } from './reload-signal.ts'

/** Where a running gateway gets its configuration from again. */
export interface ConfigSource {
  readonly file: string
  /** @throws ConfigError */
  readonly load: () => LoadedFile
  readonly signal: ReloadSignal
}

export interface ReloadingParts {
  readonly running: GatewayConfig
  readonly telemetry: Telemetry
  /** Puts a checked configuration to work, or throws and leaves everything as it was. */
  readonly apply: (config: GatewayConfig) => Promise<void>
}

/**
 * At each signal the file is read again, and what it refers to. One that is wrong, or that changes what needs a restart,
 * changes nothing and says all that is wrong (STANDARDS AT-38).
 */
export function reloadOnSignal({ file, load, signal }: ConfigSource, parts: ReloadingParts): void {
  const { telemetry, apply } = parts
  let running = parts.running
  const refuse = (problems: readonly string[], cause?: unknown): void => {
    for (const problem of problems) telemetry.say('error', problem)
    const evidence = cause === undefined ? {} : { cause }
    telemetry.emit({ type: 'config_refused', problemCount: problems.length, ...evidence })
  }
  signal.serve(async () => {
    try {
      const { config, warnings, lineOf } = load()
      if (isSameConfig(running, config)) return telemetry.emit({ type: 'config_unchanged' })
      const keys = keysThatNeedRestart(running, config)
      if (keys.length > 0) {
        const at = (key: string): string => `${file}:${lineOf(key.split('.'))}`
        return refuse(keys.map((key) => `${at(key)}: ${key}: to change this needs a restart`))
      }
      await apply(config)
      running = config
      for (const warning of warnings) telemetry.say('warn', formatDiagnostic(warning))
      telemetry.emit({ type: 'config_reloaded', routeCount: config.routes.length })
    } catch (error) {
      if (error instanceof ConfigError) refuse(error.diagnostics.map(formatDiagnostic))
      else refuse([], error)
    }
  })
}

/** While the gateway ends there is nothing to reload. Resolves when a reload that had begun is over. */
export async function ignoreSignal({ signal }: ConfigSource, telemetry: Telemetry): Promise<void> {
  signal.serve(async () => telemetry.say('info', 'SIGHUP is ignored: shutting down'))
  await signal.idle()
}
