import type { CommandIo } from './command-io.ts'

export interface Command {
  readonly summary: string
  /** Answers the exit code. @throws UsageError */
  readonly run: (args: readonly string[], io: CommandIo) => Promise<number>
}

/** Every command. Each is loaded only when asked for: `--version` must not wait for a web server. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    summary: 'run the gateway (the default)',
    run: async (args, io) => (await import('./serve.ts')).runServe(args, io),
  },
  check: {
    summary: 'validate a configuration file, without network',
    run: async (args, io) => (await import('./check.ts')).runCheck(args, io),
  },
  explain: {
    summary: 'say what would become of a request, and why',
    run: async (args, io) => (await import('./explain.ts')).runExplain(args, io),
  },
  doctor: {
    summary: 'try provider, session store and upstreams, and say what to fix',
    run: async (args, io) => (await import('./doctor.ts')).runDoctor(args, io),
  },
  sessions: {
    summary: 'list sessions, or end them',
    run: async (args, io) => (await import('./sessions.ts')).runSessions(args, io),
  },
  demo: {
    summary: 'a provider, a sample API and the gateway, all on this machine',
    run: async (args, io) => (await import('./demo.ts')).runDemo(args, io),
  },
  healthcheck: {
    summary: 'ask a running gateway whether it is ready',
    run: async (args, io) => (await import('./healthcheck.ts')).runHealthcheck(args, io),
  },
}
