import { hkdfSync } from 'node:crypto'
import { formatDiagnostic } from '../config/config-error.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import { createGateway, type Gateway } from '../gateway.ts'
import { standardOutput } from '../telemetry/log-destination.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts'
import { readVersion } from '../version.ts'
import type { CommandIo } from './command-io.ts'
import { awaitProcessEnd } from './process-end.ts'

/**
 * Runs a gateway with everything a process needs around it: log, metrics, signals. Answers the exit
 * code once it has drained.
 *
 * @throws ListenError a port is taken or forbidden
 */
export async function runGateway(
  { config, warnings }: LoadedConfig,
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
    register_backchannel_logout_uri: `${config.publicUrl.origin}/oauth2/backchannel-logout`,
    register_frontchannel_logout_uri: `${config.publicUrl.origin}/oauth2/frontchannel-logout`,
    routes: config.routes.length,
  })
}

/** The same in every replica and after every restart, and of no use for anything else. */
function pseudonymKey(secrets: readonly Uint8Array[]): Uint8Array {
  const secret = secrets[0] ?? new Uint8Array()
  return new Uint8Array(hkdfSync('sha256', secret, '', 'bearergate log pseudonym 1', 32))
}
