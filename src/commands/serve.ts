import { ConfigError } from '../config/config-error.ts'
import { ListenError } from '../server/listen.ts'
import { SessionFileError } from '../session-store/file-directory.ts'
import { WorkerStartError } from '../workers/worker-set.ts'
import { parseArguments } from './arguments.ts'
import { EXIT, type CommandIo } from './command-io.ts'
import { configFile } from './config-file.ts'
import { hearReloadSignal } from './reload-signal.ts'

const HELP = `Runs the gateway until SIGTERM or SIGINT.

Usage: bearergate serve [--config FILE]

  --config FILE    the configuration; default $BEARERGATE_CONFIG, else ./bearergate.yaml
  -h, --help       this text

The log goes to standard output, one JSON object a line. On SIGTERM the gateway
finishes what is under way and exits with 0; a second signal ends it at once.
On SIGHUP it reads the configuration again and takes it on without a restart: a
wrong one is refused, and the log says why.

Exit codes: 0 ended as asked, 1 invalid configuration or failed, 2 wrong usage
`

/** Runs the gateway of a configuration file until a signal; answers the exit code. */
export async function runServe(args: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseArguments(args, { config: { type: 'string' } })
  if (values.help === true) {
    io.stdout.write(HELP)
    return EXIT.ok
  }
  const signal = hearReloadSignal()
  try {
    const { loadConfig } = await import('../config/load-config.ts')
    const file = configFile(values.config, io)
    const load = () => loadConfig(file, io.env)
    const loaded = load()
    const source = { file, load, signal }
    if (loaded.config.workers > 1) {
      const { runWorkers } = await import('./run-workers.ts')
      return await runWorkers(loaded, io, source)
    }
    const { runGateway } = await import('./run-gateway.ts')
    return await runGateway(loaded, io, { source })
  } catch (error) {
    if (error instanceof ConfigError) io.stderr.write(`${error.message}\n`)
    else if (isStartFailure(error)) io.stderr.write(`bearergate: ${error.message}\n`)
    else throw error
    return EXIT.failed
  } finally {
    signal.stop()
  }
}

function isStartFailure(error: unknown): error is Error {
  return (
    error instanceof ListenError ||
    error instanceof SessionFileError ||
    error instanceof WorkerStartError
  )
}
