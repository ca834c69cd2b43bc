import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { upstreamRequestHeaders } from '../domain/request-headers.ts'
import { hasUpstream, type Route } from '../domain/route.ts'
import { upstreamPath } from '../domain/upstream-path.ts'
import { actorOf, entranceOf } from '../http/entrance.ts'
import { asksToVerify } from '../http/forwarded-request.ts'
import { admissionTo, type Admit } from './admission-at-several.ts'
import type { Admission } from './admission.ts'
import { serveAsPlainRequest } from './plain-request.ts'
import type { ProxyOf, SharedContext } from './proxy-context.ts'
import { requestHeaderFacts } from './request-header-facts.ts'
import { transferLine, type Passage, type TransferLine } from './transfer-line.ts'
import { asksForWebSocket, handshakeFault } from './websocket-handshake.ts'
import { createOpening } from './websocket-opening.ts'

export type UpgradeListener = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export interface WebSocketUpgradeOptions {
  readonly shared: SharedContext
  readonly proxyOf: ProxyOf
  /** The same door as for requests. */
  readonly door: (request: IncomingMessage) => string
  readonly server: Server
}

/**
 * The listener for a server's `upgrade`. A WebSocket passes the same door and guard as any request, and an exact list of
 * origins (W2, CS-6); then the upstream is asked, and only its own 101 opens the socket (W1, AT-37). All other upgrades are
 * served as plain requests (W5).
 */
export function websocketUpgrade({
  shared,
  proxyOf,
  door,
  server,
}: WebSocketUpgradeOptions): UpgradeListener {
  const lines = new Map<Route, { readonly line: TransferLine; readonly admit: Admit }>()
  for (const route of shared.routes) {
    if (route.websocket === false || !hasUpstream(route)) continue
    const proxy = proxyOf(route)
    lines.set(route, { line: transferLine(proxy, route), admit: admissionTo(route, proxy) })
  }

  return (request, socket, head) => {
    if (!asksForWebSocket(request) || asksToVerify(request))
      return serveAsPlainRequest(server, request, socket, head)
    socket.on('error', () => socket.destroy())
    door(request)
    const entrance = entranceOf(request)
    const opening = createOpening({ shared, request, socket, head })
    if (entrance.refusal !== undefined)
      return opening.refuse(entrance.refusal.reason, entrance.refusal)
    const found = entrance.route === undefined ? undefined : lines.get(entrance.route)
    if (found === undefined) return opening.refuse('upgrade_refused')
    const { line, admit } = found
    if (shared.load.isOverloaded()) return opening.refuse('overloaded')
    const fault = handshakeFault(request)
    if (fault !== undefined) return opening.refuse(fault)

    const act = (admission: Admission): void => {
      if (admission.kind === 'forward') return open(line, admission)
      if (admission.kind === 'login') return opening.refuse('no_session')
      const { reason } = admission
      if (reason === 'origin_refused') {
        shared.emit({
          type: 'cross_site_blocked',
          reason,
          routeId: line.route.id,
          ...actorOf(entrance),
        })
      }
      opening.refuse(reason, admission)
    }
    const open = (line: TransferLine, passage: Passage): void => {
      const path =
        entrance.target === undefined ? undefined : upstreamPath(line.route, entrance.target)
      if (path === undefined) return opening.refuse('path_refused')
      const facts = requestHeaderFacts(line, request, entrance, passage)
      const built = upstreamRequestHeaders(request.rawHeaders, line.requestPlan, facts)
      if (built.kind === 'refused') return opening.refuse(built.reason)
      for (const name of built.forged)
        shared.emit({ type: 'header_stripped', name, ...actorOf(entrance) })
      opening.dial(line, passage, { route: line.route, path, headers: built.headers })
    }
    const admission = admit(request)
    if (!(admission instanceof Promise)) return act(admission)
    admission.then(act).catch((cause: unknown) => opening.refuse('internal_error', { cause }))
  }
}
