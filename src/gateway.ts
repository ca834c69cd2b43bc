import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import type { GatewayConfig } from './config/gateway-config.ts'
import type { Emit } from './domain/events.ts'
import { STATUS_OF_REASON } from './domain/reason.ts'
import { createAdmin } from './gateway-admin.ts'
import { createApp, type GatewayApp } from './gateway-app.ts'
import {
  closeParts,
  createParts,
  partsForReload,
  partsLeftOver,
  type GatewayParts,
} from './gateway-parts.ts'
import { createRetirement } from './gateway-retirement.ts'
import { createRequestIds } from './http/request-id.ts'
import { continueWhenAdmitted } from './proxy/expect-continue.ts'
import { websocketUpgrade, type UpgradeListener } from './proxy/websocket-upgrade.ts'
import { CONNECTION_LIMITS, type ConnectionLimits } from './server/connection-limits.ts'
import { drain } from './server/drain.ts'
import { listen, listenLocally } from './server/listen.ts'
import {
  createPublicServer,
  type ClientRefusal,
  type PublicServer,
} from './server/public-server.ts'
import type { Metrics } from './telemetry/metrics.ts'

export interface Gateway {
  /** @throws ListenError a port is taken or forbidden */
  listen(): Promise<GatewayAddresses>
  /**
   * Takes on another checked configuration at once: what is under way finishes with the old one. Sessions live on. One at a time;
   * what needs a restart (restart-keys.ts) must be the same.
   *
   * @throws when it cannot be built: then nothing has changed
   */
  reload(config: GatewayConfig): Promise<void>
  /**
   * Waits `shutdown.delay`, drains within `shutdown.timeout` and closes everything; answers whether all requests under way
   * could finish. May be called once, also when nothing ever listened.
   */
  close(why: string): Promise<boolean>
}

export interface GatewayAddresses {
  readonly publicAddress: string
  readonly adminAddress: string
}

export interface GatewayOptions {
  readonly metrics: Metrics
  readonly version: string
  readonly limits?: Partial<ConnectionLimits>
  /** Path of a local socket for the admin listener, instead of host and port. */
  readonly adminSocket?: string
  /** Which of several workers it is. */
  readonly worker?: number
  /** Steady epoch milliseconds; a clock of its own unless given. */
  readonly nowMs?: () => number
}

const IDLE_GRACE_MS = 1_000 // a request sent before the client heard of the end arrives within a round trip
const END_STREAMS_EVERY_MS = 250

/** A running gateway from a checked configuration: every part built, wired, and closed here. */
export async function createGateway(
  config: GatewayConfig,
  emit: Emit,
  options: GatewayOptions,
): Promise<Gateway> {
  const parts = await createParts(config, steadfast(emit), options.nowMs)
  try {
    return assemble(config, parts, await createApp(config, parts), options)
  } catch (cause) {
    await closeParts(parts)
    throw cause
  }
}

/** What cannot be told must not break what it tells of: a full disk is no reason to refuse requests. */
function steadfast(emit: Emit): Emit {
  let told = false
  return (event) => {
    try {
      emit(event)
    } catch (cause) {
      if (told) return
      told = true
      process.emitWarning(new Error('events are not written; said once', { cause }))
    }
  }
}

/** What runs now; a reload replaces all of it but the listeners at once. */
interface Live extends Serving {
  shuttingDown: boolean
}

/** What answers under one configuration. */
interface Serving {
  config: GatewayConfig
  parts: GatewayParts
  app: GatewayApp['app']
  upgrade: UpgradeListener
}

function assemble(
  config: GatewayConfig,
  parts: GatewayParts,
  built: GatewayApp,
  options: GatewayOptions,
): Gateway {
  const refuseAll: UpgradeListener = (_request, socket) => void socket.destroy()
  const live: Live = { config, parts, app: built.app, upgrade: refuseAll, shuttingDown: false }
  const listener = createListener(live, options)
  live.upgrade = upgradeOf(built, listener)
  const admin = createAdmin(live, options)
  const retirement = createRetirement()
  return {
    listen: async () => {
      const { host, port } = config.listen
      const adminAddress =
        options.adminSocket === undefined
          ? await listen(admin, config.admin.host, config.admin.port)
          : await listenLocally(admin, options.adminSocket)
      return { publicAddress: await listen(listener.server, host, port), adminAddress }
    },
    reload: async (wanted) => {
      const next = await prepare(wanted, live, listener)
      const before = { ...live }
      options.metrics.addRoutes(wanted.routes.map(({ id }) => id))
      next.parts.follow(wanted, next.parts.providers)
      Object.assign(live, next)
      const unused = partsLeftOver(before.parts, next.parts)
      retirement.retire({ app: before.app, ...unused }, listener.connections.settled())
    },
    close: async () => {
      live.shuttingDown = true
      const { delayMs, timeoutMs } = live.config.shutdown
      if (listener.server.listening) await delay(delayMs)
      const finished = await drainAll(listener, live.parts, timeoutMs)
      await live.app.close()
      await retirement.close()
      await closeParts(live.parts)
      admin.close()
      admin.closeAllConnections()
      return finished
    },
  }
}

/**
 * Everything that answers under another configuration. New providers are sought first, so that nobody has to wait for one; for
 * as long as a request would wait.
 *
 * @throws when it cannot be built, or the gateway shuts down: then nothing has changed
 */
async function prepare(
  wanted: GatewayConfig,
  live: Live,
  listener: PublicServer,
): Promise<Serving> {
  const parts = await partsForReload(live.parts, live.config, wanted)
  const { providers, pools } = partsLeftOver(parts, live.parts)
  try {
    const built = await createApp(wanted, parts)
    await Promise.allSettled(providers.map(({ provider }) => provider.connection()))
    if (live.shuttingDown) throw new Error('the gateway is shutting down')
    const { tls } = wanted.listen
    if (tls !== undefined && !isDeepStrictEqual(tls, live.config.listen.tls)) listener.renewTls(tls)
    return { config: wanted, parts, app: built.app, upgrade: upgradeOf(built, listener) }
  } catch (cause) {
    await Promise.all([
      ...providers.map(({ provider }) => provider.close()),
      ...pools.map(({ dispatcher }) => dispatcher.destroy()),
    ])
    throw cause
  }
}

function upgradeOf({ shared, proxyOf, door }: GatewayApp, { server }: PublicServer) {
  return websocketUpgrade({ shared, proxyOf, door, server })
}

function createListener(live: Live, options: GatewayOptions): PublicServer {
  const { tls } = live.config.listen
  const { emit } = live.parts
  return createPublicServer({
    ...(tls === undefined ? {} : { tls }),
    limits: { ...CONNECTION_LIMITS, ...options.limits },
    onRequest: (request, response) => live.app.routing(request, response),
    onContinue: continueWhenAdmitted,
    onUpgrade: (request, socket, head) => live.upgrade(request, socket, head),
    randomId: createRequestIds(),
    onClientError: (refusal) => emit(clientErrorFinished(refusal)),
  })
}

/** Event streams and sockets never finish by themselves: they are ended, again and again while new ones may come. */
async function drainAll(listener: PublicServer, parts: GatewayParts, timeoutMs: number) {
  if (!listener.server.listening) {
    listener.connections.stop()
    return true
  }
  const endStreams = () => {
    parts.transfers.endStreams()
    parts.eventStreams.endAll()
  }
  endStreams()
  const again = setInterval(endStreams, END_STREAMS_EVERY_MS)
  const finished = await drain(listener, { timeoutMs, idleGraceMs: IDLE_GRACE_MS })
  clearInterval(again)
  return finished
}

function clientErrorFinished({ requestId, clientAddress, reason, cause }: ClientRefusal) {
  return {
    type: 'request_finished',
    requestId,
    clientAddress,
    method: '',
    path: '',
    host: undefined,
    routeId: undefined,
    status: STATUS_OF_REASON[reason],
    durationMs: 0,
    reason,
    ...(cause === undefined ? {} : { cause }),
  } as const
}
