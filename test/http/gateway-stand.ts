import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http'
import { request } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { Test } from 'tap'
import { parseTrustedProxies } from '../../src/domain/client-address.ts'
import type { GatewayEvent } from '../../src/domain/events.ts'
import { buildRouteTable } from '../../src/domain/route-table.ts'
import type { Route } from '../../src/domain/route.ts'
import { entranceOf, siteOf } from '../../src/http/entrance.ts'
import { createHostRule } from '../../src/http/host-rule.ts'
import { answerRefusals } from '../../src/http/refusal-plugin.ts'
import { ROUTE_URL } from '../../src/http/internal-urls.ts'
import { createDoor, FORWARDED_METHODS } from '../../src/http/target-door.ts'

export interface StandOptions {
  readonly publicUrl?: string
  readonly routes?: readonly Partial<Route>[]
  readonly trustedProxies?: readonly string[]
  /** What proxied routes do instead of telling what the door found out. */
  readonly scene?: Scene
}

/** Query of a proxied URL that makes it refuse, throw or answer otherwise. */
export type Scene = (request: FastifyRequest, reply: FastifyReply) => unknown

export interface Stand {
  readonly app: FastifyInstance
  readonly publicUrl: URL
  readonly events: GatewayEvent[]
}

/** A fastify app behind the real door. Proxied routes answer what the door found out. */
export function createStand(options: StandOptions = {}): Stand {
  const publicUrl = new URL(options.publicUrl ?? 'https://app.example.com')
  const routes = (options.routes ?? [{ path: { kind: 'prefix', path: '' } }]).map(routeOf)
  const events: GatewayEvent[] = []
  const app = fastify({
    rewriteUrl: createDoor({
      site: siteOf(publicUrl),
      routes: buildRouteTable(routes),
      hosts: createHostRule(
        publicUrl,
        routes.flatMap(({ host }) => host ?? []),
      ),
      trustedProxies: parseTrustedProxies(options.trustedProxies ?? []),
    }),
    genReqId: (raw) => entranceOf(raw as never).requestId,
  })
  for (const method of FORWARDED_METHODS)
    if (!app.supportedMethods.includes(method)) app.addHttpMethod(method, { hasBody: true })
  answerRefusals(app, (event) => events.push(event))
  app.all(ROUTE_URL, async (incoming, reply) => {
    if (options.scene !== undefined) return options.scene(incoming, reply)
    const { target, host, clientAddress, requestId, route } = entranceOf(incoming.raw)
    return { ...target, host, clientAddress, requestId, route: route?.id }
  })
  return { app, publicUrl, events }
}

/** A route with everything at its default. */
export function routeOf(route: Partial<Route>): Route {
  const path = route.path ?? { kind: 'prefix', path: '' }
  return {
    id: path.path === '' ? '/*' : path.path,
    path,
    upstream: { origin: 'http://127.0.0.1:1', basePath: '' },
    access: 'required',
    providers: [''],
    unauthenticated: 'auto',
    token: { via: 'login' },
    credentials: { session: true },
    headers: { set: [], remove: [] },
    csrf: true,
    websocket: false,
    timeouts: { connectMs: 1, headersMs: 1, idleMs: 1 },
    maxBodyBytes: 1,
    cacheable: false,
    replayForm: false,
    hostHeader: 'upstream',
    ...route,
  }
}

/** Sends bytes as they are and reads until the connection ends. */
export async function sendRaw(t: Test, { app }: Stand, bytes: string): Promise<RawAnswer> {
  const { port } = await listening(t, app)
  const socket = net.connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.end(bytes)
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await once(socket, 'close')
  const text = Buffer.concat(chunks).toString('latin1')
  const [head = '', ...body] = text.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head, body: body.join('\r\n\r\n') }
}

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** One request over a real connection, redirects not followed. */
export async function send(
  t: Test,
  { app }: Stand,
  path: string,
  options: { method?: string; headers?: Record<string, string | string[]> } = {},
): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> {
  const { port } = await listening(t, app)
  const headers = { host: 'app.example.com', ...options.headers }
  const outgoing = request({ port, path, method: options.method ?? 'GET', headers, agent: false })
  outgoing.end()
  const [answer] = await once(outgoing, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  return {
    status: answer.statusCode,
    headers: answer.headers,
    body: Buffer.concat(chunks).toString(),
  }
}

async function listening(t: Test, app: FastifyInstance): Promise<AddressInfo> {
  if (!app.server.listening) {
    await app.listen({ port: 0, host: '127.0.0.1' })
    t.teardown(() => app.close())
  }
  return app.server.address() as AddressInfo
}

/** What a browser sends when a person opens a page. */
export const NAVIGATION = {
  accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
  'sec-fetch-site': 'none',
}
