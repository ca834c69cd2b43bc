import { MAX_ROUTE_TOKENS, tokenWish } from '../../domain/route-token.ts'
import { nameOfPath, type Path } from '../decode-report.ts'
import type { Draft, RuleReport } from './draft.ts'
import { draftedProviders, draftedProvidersOf, type DraftedProvider } from './drafted-providers.ts'

type TokenDraft = NonNullable<
  NonNullable<NonNullable<NonNullable<Draft>['routes']>[number]>['token']
>
type Via = NonNullable<TokenDraft['via']>

interface RouteOfToken {
  readonly token: TokenDraft
  readonly via: Via
  readonly access: string | undefined
  readonly at: number
  readonly providers: readonly DraftedProvider[]
}

const PARAMETERS = ['audience', 'resource', 'scope'] as const

/** What the keys of `routes[].token` must agree on, with their route and with the provider. */
export function checkTokens(draft: Draft, report: RuleReport): void {
  const all = draftedProviders(draft)
  const routes = (draft?.routes ?? []).flatMap((route, at) => {
    const { token, access } = route ?? {}
    if (route === undefined || token?.via === undefined) return []
    return [{ token, via: token.via, access, at, providers: draftedProvidersOf(route, all) }]
  })
  for (const route of routes) {
    checkParameters(route, report)
    checkAccess(route, report)
    for (const provider of route.providers) checkNeeds(route, provider, report)
  }
  checkCount(routes, report)
}

function placeOf({ at }: RouteOfToken, ...more: string[]): Path {
  return ['routes', at, 'token', ...more]
}

function checkParameters(route: RouteOfToken, report: RuleReport): void {
  const { via } = route
  const written = PARAMETERS.filter((name) => report.isWritten(placeOf(route, name)))
  if (via === 'login' || via === 'none') {
    const why = `has no effect with via: ${via}; it goes with refresh, exchange and client_credentials`
    for (const name of written) report.problem(placeOf(route, name), why)
    return
  }
  if (via === 'refresh' && written.length === 0) {
    report.problem(
      placeOf(route, 'via'),
      'is refresh, which needs audience, resource or scope: without them it is the token of the login',
    )
  }
  if (via === 'exchange' && !written.includes('audience') && !written.includes('resource')) {
    report.problem(
      placeOf(route, 'via'),
      'is exchange, which needs audience or resource: whom the new token is for (RFC 8693 §2.1)',
    )
  }
}

function checkAccess(route: RouteOfToken, report: RuleReport): void {
  const { via, access } = route
  const place = placeOf(route, 'via')
  if (access !== 'public' || !report.isWritten(place)) return
  if (via === 'client_credentials' || via === 'none') return
  report.problem(
    place,
    `is ${via}, but a public route never knows the user: use client_credentials or none, or access: optional`,
  )
}

function checkNeeds(
  route: RouteOfToken,
  { keys, place }: DraftedProvider,
  report: RuleReport,
): void {
  const { scope, clientAuthentication, resource } = keys
  const name = nameOfPath(place)
  const isPublicClient =
    clientAuthentication === 'none' ||
    (clientAuthentication === undefined &&
      !report.isWritten([...place, 'clientSecret']) &&
      !report.isWritten([...place, 'clientKey']) &&
      !report.isWritten([...place, 'tls', 'certificate']))
  if (route.via === 'client_credentials' && isPublicClient) {
    report.problem(
      placeOf(route, 'via'),
      `is client_credentials, which needs a client with credentials: ${name}.clientSecret, clientKey or tls.certificate (RFC 6749 §4.4)`,
    )
  }
  if (route.via !== 'refresh') return
  if (scope !== undefined && !scope.includes('offline_access')) {
    report.warning(
      placeOf(route, 'via'),
      `is refresh, but ${name}.scope has no offline_access: without a refresh token this route is refused`,
    )
  }
  if (route.token.resource !== undefined && resource?.length === 0) {
    report.warning(
      placeOf(route, 'resource'),
      `is asked for at login, but ${name}.resource does not say whose the login's own token is: the provider may choose this one`,
    )
  }
}

function checkCount(routes: readonly RouteOfToken[], report: RuleReport): void {
  const seen = new Set<string>()
  for (const route of routes) {
    const { via, token } = route
    if (via !== 'refresh' && via !== 'exchange') continue
    const { audience, resource, scope } = token
    seen.add(
      tokenWish(via, {
        ...(audience === undefined ? {} : { audience }),
        ...(resource === undefined ? {} : { resource }),
        ...(scope === undefined ? {} : { scope: scope.join(' ') }),
      }).target,
    )
    if (seen.size > MAX_ROUTE_TOKENS) {
      const message = `makes more than ${MAX_ROUTE_TOKENS} different tokens by refresh and exchange: a session keeps no more`
      return report.problem(placeOf(route), message)
    }
  }
}
