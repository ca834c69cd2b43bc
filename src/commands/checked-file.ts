import { ConfigError, formatDiagnostic, type Diagnostic } from '../config/config-error.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import { loadConfig } from '../config/load-config.ts'
import type { CommandIo } from './command-io.ts'
import { shortName } from './config-file.ts'

/** What a check found. Without a configuration there are problems. */
export interface CheckedFile {
  readonly config: GatewayConfig | undefined
  readonly problems: readonly Diagnostic[]
  readonly warnings: readonly Diagnostic[]
}

/** Reads a configuration and tells everything that is wrong with it, files named as a person here would. */
export function checkFile(file: string, io: CommandIo): CheckedFile {
  const inCwd = (found: Diagnostic): Diagnostic => ({ ...found, file: shortName(found.file, io) })
  try {
    const { config, warnings } = loadConfig(file, io.env)
    return { config, problems: [], warnings: warnings.map(inCwd) }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { config: undefined, problems: error.diagnostics.map(inCwd), warnings: [] }
  }
}

/** Every problem with a line of its own, and how many there are. */
export function problemsText(problems: readonly Diagnostic[], name: string): string {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`
  return `${linesOf(problems)}\n${name} is not valid: ${count}\n`
}

export function linesOf(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map((diagnostic) => `${formatDiagnostic(diagnostic)}\n`).join('')
}
