import { addConfiguredHeaders } from '../../domain/own-request-headers.ts'
import { requestHeaderPlan, upstreamRequestHeaders } from '../../domain/request-headers.ts'
import type { Route } from '../../domain/route.ts'
import { identityStatement } from '../../domain/signed-identity.ts'
import { upstreamPath } from '../../domain/upstream-path.ts'
import { viaPseudonym } from '../../gateway-app.ts'
import { requestHeaderFacts } from '../../proxy/request-header-facts.ts'
import { refused, type Case, type Field, type Outcome } from './explained-outcome.ts'

/** Who is let through goes to the upstream, with these headers. */
export function forwarded(one: Case): Outcome {
  const { loaded, request, entrance, route } = one
  const { config } = loaded
  const path = entrance.target && upstreamPath(route, entrance.target)
  if (path === undefined) return refused(entrance, 'path_refused')
  const { routes } = config
  const plan = requestHeaderPlan({ route, routes, pseudonym: viaPseudonym(config) })
  const built = upstreamRequestHeaders(request.rawHeaders, plan, headerFacts(one))
  if (built.kind === 'refused') return refused(entrance, built.reason)
  const headers = shownFields(one, built.headers)
  const sent = new Set(headers.map(([name]) => name.toLowerCase()))
  const dropped = fieldsOf(request.rawHeaders).map(([name]) => name.toLowerCase())
  return {
    decision: 'forward',
    because: because(one),
    upstream: {
      url: `${placeOf(route)}${path}`,
      headers,
      dropped: [...new Set(dropped)].filter((name) => !sent.has(name)),
      forged: built.forged,
      too_long: built.tooLong,
      ...statementOf(one),
    },
  }
}

/** Who is let through is forwarded by another proxy, which copies these headers. */
export function copied(one: Case): Outcome {
  const { route, caller } = one
  const { token } = caller.passage
  const own: string[] = token === undefined ? [] : ['authorization', `Bearer ${token}`]
  const configured = { set: route.headers.set, identityHeader: route.identity?.header }
  addConfiguredHeaders(own, configured, headerFacts(one))
  return { decision: 'verify', because: because(one), copy: shownFields(one, own) }
}

function because({ route, caller: { facts } }: Case): string {
  if (route.access === 'public') return 'the route is public'
  if (facts.kind === 'none') return 'the route is optional'
  return route.require === undefined
    ? 'who it is is known, and the route requires nothing else'
    : 'who it is is known, and has what the route requires'
}

function headerFacts(one: Case) {
  const { loaded, request, entrance, route, caller } = one
  const proto = loaded.config.publicUrl.protocol === 'https:' ? 'https' : 'http'
  const isKnown = caller.passage.session !== undefined || caller.passage.bearer !== undefined
  const identity =
    route.identity === undefined || !isKnown
      ? {}
      : { identity: `<signed identity for ${route.identity.audience}>` }
  const facts = requestHeaderFacts({ proto }, request, entrance, { ...caller.passage, ...identity })
  const sentId = request.headers['x-request-id']
  return entrance.requestId === sentId ? facts : { ...facts, requestId: '<request id>' }
}

/** What the signed identity would say. */
function statementOf({ loaded, route, caller, nowMs }: Case): { readonly identity?: object } {
  const { session, bearer } = caller.passage
  const { identity } = loaded.config
  const who = session?.record ?? bearer
  if (route.identity === undefined || identity === undefined || who === undefined) return {}
  const { issuer, subject = '', claims } = who
  const terms = { ...identity, issuedAtMs: nowMs }
  return {
    identity: identityStatement({ key: '', issuer, subject, claims }, route.identity, terms),
  }
}

function placeOf({ upstream }: Route): string {
  return upstream.socketPath === undefined ? upstream.origin : `unix:${upstream.socketPath} `
}

function fieldsOf(headers: readonly string[]): Field[] {
  return headers.flatMap((name, at) => (at % 2 === 0 ? [[name, headers[at + 1] ?? '']] : []))
}

/** Without what is nobody's business at a terminal: cookies, and what came from the environment or a file. */
function shownFields({ loaded, route }: Case, headers: readonly string[]): Field[] {
  const index = loaded.config.routes.indexOf(route)
  const isOurs = (name: string) => route.headers.set.some((header) => header.name === name)
  return fieldsOf(headers).map(([name, value]): Field => {
    if (name.toLowerCase() === 'cookie') return [name, cookieNames(value)]
    const isConcealed = isOurs(name) && !loaded.mayShow(['routes', index, 'headers', 'set', name])
    return [name, isConcealed ? '<with a value from the environment or a file>' : value]
  })
}

function cookieNames(value: string): string {
  return value
    .split(';')
    .map((pair) => `${pair.split('=', 1)[0]?.trim() ?? ''}=<hidden>`)
    .join('; ')
}
