import { randomBytes } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../config/load-config.ts'
import type { GatewayEvent } from '../domain/events.ts'
import { createGateway } from '../gateway.ts'
import { listen } from '../server/listen.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createTelemetry } from '../telemetry/telemetry.ts'
import { demoConfig } from './demo-config.ts'
import { freePort } from './free-port.ts'
import { serveProviderQuietly } from './quiet-provider.ts'
import { serveSampleApi } from './sample-api.ts'

export interface DemoOptions {
  /** A free loopback port for the gateway. */
  readonly port: number
  readonly version: string
  readonly accessTokenSeconds: number
  readonly onEvent: (event: GatewayEvent) => void
}

/** A running demo: three servers on loopback. */
export interface Demo {
  readonly gatewayUrl: string
  readonly adminUrl: string
  readonly providerUrl: string
  readonly apiUrl: string
  /** The YAML file the gateway runs from. */
  readonly configFile: string
  /** The gateway's JSON log. */
  readonly logFile: string
  /** Ends all three and removes configuration and log. */
  close(): Promise<void>
}

const LOOPBACK = '127.0.0.1'
const CLIENT_ID = 'bearergate-demo'
const RESOURCE = 'https://notes.example/'
const ADMIN_PORT = 9090

/** Starts a provider, a sample API and a gateway between them; nothing leaves this machine. */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-demo-'))
  const configFile = join(folder, 'bearergate.yaml')
  const gatewayUrl = `http://localhost:${options.port}`
  const api = createServer()
  const provider = createServer()
  const apiUrl = await listen(api, LOOPBACK, 0)
  const providerUrl = await listen(provider, LOOPBACK, 0)
  const clientSecret = randomBytes(24).toString('hex')
  const { accessTokenSeconds } = options
  serveSampleApi(api)
  await serveProviderQuietly(provider, {
    issuer: providerUrl,
    gatewayUrl,
    clientId: CLIENT_ID,
    clientSecret,
    resource: RESOURCE,
    accessTokenSeconds,
  })
  const yaml = demoConfig({
    publicUrl: gatewayUrl,
    gatewayPort: options.port,
    adminPort: await freePort(ADMIN_PORT),
    issuer: providerUrl,
    clientId: CLIENT_ID,
    clientSecret,
    resource: RESOURCE,
    sessionSecret: randomBytes(32).toString('base64'),
    upstream: apiUrl,
  })
  await writeFile(configFile, yaml, { mode: 0o600 })
  const logFile = join(folder, 'gateway.log')
  const gateway = await startGateway(configFile, logFile, options)
  return {
    gatewayUrl,
    adminUrl: gateway.adminAddress,
    providerUrl,
    apiUrl,
    configFile,
    logFile,
    close: async () => {
      await gateway.close()
      await Promise.all([closed(api), closed(provider)])
      await rm(folder, { recursive: true })
    },
  }
}

async function startGateway(configFile: string, logFile: string, options: DemoOptions) {
  const { config } = loadConfig(configFile, {})
  const metrics = createMetrics({
    version: options.version,
    routeIds: config.routes.map(({ id }) => id),
  })
  const log = createWriteStream(logFile, { mode: 0o600 })
  const telemetry = createTelemetry({
    level: config.logging.level,
    destination: { write: (line) => log.write(line), flush: () => undefined },
    metrics,
    pseudonymKey: randomBytes(32),
    nowMs: Date.now,
  })
  const emit = (event: GatewayEvent) => {
    telemetry.emit(event)
    options.onEvent(event)
  }
  const gateway = await createGateway(config, emit, { metrics, version: options.version })
  const { adminAddress } = await gateway.listen()
  return {
    adminAddress,
    close: async () => {
      await gateway.close('demo over')
      await new Promise((resolve) => log.end(resolve))
    },
  }
}

async function closed(server: Server): Promise<void> {
  const done = new Promise((resolve) => server.close(resolve))
  server.closeAllConnections()
  await done
}
