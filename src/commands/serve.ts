import { hkdfSync } from 'node:crypto'
import { ConfigError, formatDiagnostic, type Diagnostic } from '../config/config-error.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import { loadConfig } from '../config/load-config.ts'
import { createGateway, type Gateway } from '../gateway.ts'
import { ListenError } from '../server/listen.ts'
import { standardOutput } from '../telemetry/log-destination.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts'
import { readVersion } from '../version.ts'
import { parseArguments } from './arguments.ts'
import { EXIT, type CommandIo } from './command-io.ts'
import { configFile } from './config-file.ts'
import { awaitProcessEnd } from './process-end.ts'

const HELP = `Runs the gateway until SIGTERM or SIGINT.

Usage: bearergate serve [--config FILE]

  --config FILE    the configuration; default $BEARERGATE_CONFIG, else ./bearergate.yaml
  -h, --help       this text

The log goes to standard output, one JSON object a line. On SIGTERM the gateway
finishes what is under way and exits with 0; a second signal ends it at once.

Exit codes: 0 ended as asked, 1 invalid configuration or failed, 2 wrong usage
`

/** Runs the gateway of a configuration file until a signal; answers the exit code. */
export async function runServe(args: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseArguments(args, { config: { type: 'string' } })
  if (values.help === true) {
    io.stdout.write(HELP)
    return EXIT.ok
  }
  try {
    const { config, warnings } = loadConfig(configFile(values.config, io), io.env)
    return await serve(config, warnings, io)
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof ListenError)) throw error
    io.stderr.write(`${error instanceof ListenError ? 'bearergate: ' : ''}${error.message}\n`)
    return EXIT.failed
  }
}

async function serve(
  config: GatewayConfig,
  warnings: readonly Diagnostic[],
  io: CommandIo,
): Promise<number> {
  const version = readVersion()
  const metrics = createMetrics({ version, routeIds: config.routes.map(({ id }) => id) })
  const telemetry = createTelemetry({
    level: config.logging.level,
    destination: standardOutput(metrics.lineDropped),
    metrics,
    pseudonymKey: pseudonymKey(config.session.secrets),
    nowMs: Date.now,
  })
  const ending = awaitProcessEnd(io.signal, (cause) =>
    telemetry.emit({ type: 'internal_error', cause }),
  )
  try {
    for (const warning of warnings) telemetry.say('warn', formatDiagnostic(warning))
    const gateway = await createGateway(config, telemetry.emit, { metrics, version })
    sayStarted(telemetry, config, version, await listenOrClose(gateway))
    const { why, exitCode } = await ending.ended
    telemetry.say('info', 'shutting down', { why })
    const finished = await gateway.close(why)
    telemetry.say(finished ? 'info' : 'warn', 'stopped', { everything_finished: finished })
    return exitCode
  } finally {
    ending.stop()
    telemetry.flush()
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

function sayStarted(
  telemetry: Telemetry,
  config: GatewayConfig,
  version: string,
  addresses: { publicAddress: string; adminAddress: string },
): void {
  telemetry.say('info', 'bearergate is listening', {
    version,
    node: process.version,
    public_url: config.publicUrl.origin,
    listening_on: addresses.publicAddress,
    admin_on: addresses.adminAddress,
    issuer: config.provider.issuer,
    register_redirect_uri: config.provider.redirectUri,
    register_post_logout_redirect_uri: config.provider.postLogoutRedirectUri,
    routes: config.routes.length,
  })
}

/** The same in every replica and after every restart, and of no use for anything else. */
function pseudonymKey(secrets: readonly Uint8Array[]): Uint8Array {
  const secret = secrets[0] ?? new Uint8Array()
  return new Uint8Array(hkdfSync('sha256', secret, '', 'bearergate log pseudonym 1', 32))
}
