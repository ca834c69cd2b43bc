import { setTimeout as delay } from 'node:timers/promises'
import type { GatewayConfig } from './config/gateway-config.ts'
import type { Emit } from './domain/events.ts'
import { STATUS_OF_REASON } from './domain/reason.ts'
import { createAdmin } from './gateway-admin.ts'
import { createApp, type GatewayApp } from './gateway-app.ts'
import { closeParts, createParts, type GatewayParts } from './gateway-parts.ts'
import { createRequestIds } from './http/request-id.ts'
import { continueWhenAdmitted } from './proxy/expect-continue.ts'
import { websocketUpgrade } from './proxy/websocket-upgrade.ts'
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

function assemble(
  config: GatewayConfig,
  parts: GatewayParts,
  serving: GatewayApp,
  options: GatewayOptions,
): Gateway {
  const state = { shuttingDown: false }
  const listener = createListener(config, serving, parts.emit, options)
  const admin = createAdmin(config, parts, state, options)
  return {
    listen: async () => {
      const { host, port } = config.listen
      const adminAddress =
        options.adminSocket === undefined
          ? await listen(admin, config.admin.host, config.admin.port)
          : await listenLocally(admin, options.adminSocket)
      return { publicAddress: await listen(listener.server, host, port), adminAddress }
    },
    close: async () => {
      state.shuttingDown = true
      if (listener.server.listening) await delay(config.shutdown.delayMs)
      const finished = await drainAll(listener, parts, config.shutdown.timeoutMs)
      await serving.app.close()
      await closeParts(parts)
      admin.close()
      admin.closeAllConnections()
      return finished
    },
  }
}

function createListener(
  config: GatewayConfig,
  { app, door, shared, proxyOf }: GatewayApp,
  emit: Emit,
  options: GatewayOptions,
): PublicServer {
  const { tls } = config.listen
  const listener = createPublicServer({
    ...(tls === undefined ? {} : { tls }),
    limits: { ...CONNECTION_LIMITS, ...options.limits },
    onRequest: (request, response) => app.routing(request, response),
    onContinue: continueWhenAdmitted,
    onUpgrade: (request, socket, head) => upgrade(request, socket, head),
    randomId: createRequestIds(),
    onClientError: (refusal) => emit(clientErrorFinished(refusal)),
  })
  const upgrade = websocketUpgrade({ shared, proxyOf, door, server: listener.server })
  return listener
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
