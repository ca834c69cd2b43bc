import { hkdfSync } from 'node:crypto'
import type { GatewayConfig } from '../config/gateway-config.ts'
import { standardOutput } from '../telemetry/log-destination.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts'
import { logoutNotices } from './logout-notices.ts'

/** The log of a process that runs a gateway, on standard output; of several, the lines say of which worker. */
export function processTelemetry(
  config: GatewayConfig,
  metrics: Metrics,
  worker?: number,
): Telemetry {
  return createTelemetry({
    level: config.logging.level,
    destination: standardOutput(metrics.lineDropped, worker !== undefined),
    metrics,
    pseudonymKey: pseudonymKey(config.session.secrets),
    nowMs: Date.now,
    ...(worker === undefined ? {} : { worker }),
  })
}

/** The one line that says where it listens and what to register at the provider. */
export function sayStarted(
  telemetry: Telemetry,
  config: GatewayConfig,
  version: string,
  addresses: { publicAddress: string; adminAddress: string },
): void {
  const notices = logoutNotices(config)
  telemetry.say('info', 'bearergate is listening', {
    version,
    node: process.version,
    public_url: config.publicUrl.origin,
    listening_on: addresses.publicAddress,
    admin_on: addresses.adminAddress,
    ...registrations(config),
    register_post_logout_redirect_uri: `${config.publicUrl.origin}/oauth2/logout/callback`,
    register_backchannel_logout_uri: notices.backchannel,
    register_frontchannel_logout_uri: notices.frontchannel,
    routes: config.routes.length,
    ...(config.workers === 1 ? {} : { workers: config.workers }),
  })
}

function registrations({ providers }: GatewayConfig): object {
  const told = providers.map(({ name, issuer, redirectUri }) => ({
    ...(name === '' ? {} : { name }),
    issuer,
    register_redirect_uri: redirectUri,
  }))
  return told.length === 1 ? told[0]! : { providers: told }
}

/** The same in every replica and after every restart, and of no use for anything else. */
function pseudonymKey(secrets: readonly Uint8Array[]): Uint8Array {
  const secret = secrets[0] ?? new Uint8Array()
  return new Uint8Array(hkdfSync('sha256', secret, '', 'bearergate log pseudonym 1', 32))
}
