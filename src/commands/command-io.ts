/** What a command may touch of the world it runs in. Tests hand in their own. */
export interface CommandIo {
  readonly stdout: CommandOutput
  readonly stderr: CommandOutput
  /** Asked for confirmations, when a person sits there. */
  readonly stdin?: NodeJS.ReadStream
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Aborted when the command should come to an end: the second way out beside SIGTERM. */
  readonly signal?: AbortSignal
}

export interface CommandOutput {
  write(text: string): unknown
}

/** The exit codes every command keeps to. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const
