/** One thing to tell about a configuration file, with its place where there is one. */
export interface Diagnostic {
  readonly file: string
  /** Both count from 1. Absent when the file could not be read at all. */
  readonly line?: number
  readonly column?: number
  /** What is wrong and what is allowed; never the value of a secret. */
  readonly message: string
}

/** The configuration cannot be used. Carries every problem at once, in the order of the file. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly diagnostics: readonly Diagnostic[]

  constructor(diagnostics: readonly Diagnostic[]) {
    super(diagnostics.map(formatDiagnostic).join('\n'))
    this.diagnostics = diagnostics
  }
}

/** `file:line:column: message`, as editors and terminals turn into a link. */
export function formatDiagnostic({ file, line, column, message }: Diagnostic): string {
  return line === undefined ? `${file}: ${message}` : `${file}:${line}:${column ?? 1}: ${message}`
}
