import type { Path } from '../decode-report.ts'
import type { Draft, RouteDraft, RuleReport } from './draft.ts'
import { draftedProviders, draftedProvidersOf, type DraftedProvider } from './drafted-providers.ts'

const MOST = 16 // each may put a cookie of some 300 characters into every request, and browsers' requests end at 8 to 16 KiB

/** `provider` or `providers`, and what several of them must agree on with each other and with the routes. */
export function checkProviders(draft: Draft, report: RuleReport): void {
  checkChoice(draft, report)
  const providers = draftedProviders(draft)
  checkIssuers(providers, report)
  const { providers: several } = draft ?? {}
  const names = several === undefined ? undefined : Object.keys(several)
  if (names !== undefined && names.length > 1) checkSharedKeys(draft, providers, report)
  for (const [at, route] of (draft?.routes ?? []).entries())
    if (route !== undefined) checkRoute(route, ['routes', at], { names, providers, report })
  if (names !== undefined && names.length > 1) checkUse(draft, providers, report)
}

/** Whoever signs in there is signed in nowhere. */
function checkUse(draft: Draft, providers: readonly DraftedProvider[], report: RuleReport): void {
  const taken = (draft?.routes ?? []).flatMap((route) => [route?.provider].flat())
  for (const { name, place } of providers)
    if (!taken.includes(name)) report.warning(place, 'has no effect: no route names it')
}

function checkChoice(draft: Draft, report: RuleReport): void {
  const isSole = report.isWritten(['provider'])
  if (!report.isWritten(['providers'])) {
    if (isSole) return
    const what =
      'it needs issuer and clientId, and usually clientSecret; or several under providers'
    return report.problem([], `key "provider" is missing: ${what}`)
  }
  if (isSole) report.problem(['providers'], 'is there beside provider: leave one of them out')
  if (draft?.providers === undefined) return
  const count = Object.keys(draft.providers).length
  if (count === 0) report.problem(['providers'], 'is empty: name at least one provider')
  if (count > MOST) report.problem(['providers'], `has more than ${MOST} providers`)
}

/** By its issuer a token, a sign-out or a session is known to be of one of them. */
function checkIssuers(providers: readonly DraftedProvider[], report: RuleReport): void {
  for (const [at, { keys, place }] of providers.entries()) {
    const same = providers.slice(0, at).find((earlier) => earlier.keys.issuer === keys.issuer)
    if (keys.issuer === undefined || same === undefined) continue
    report.problem(
      [...place, 'issuer'],
      `is that of providers.${same.name} as well: each needs one of its own`,
    )
  }
}

function checkSharedKeys(
  draft: Draft,
  providers: readonly DraftedProvider[],
  report: RuleReport,
): void {
  if (draft?.logout?.providerLogoutUrl !== undefined)
    report.problem(
      ['logout', 'providerLogoutUrl'],
      'does not say which of the providers it is of: set providers.NAME.endpoints.end_session_endpoint',
    )
  for (const { keys, place } of providers) {
    const at = keys.loginParameters?.indexOf('provider') ?? -1
    if (at >= 0)
      report.problem(
        [...place, 'loginParameters', at],
        'is how a login link chooses between several providers: it cannot be passed on',
      )
  }
}

interface Choice {
  /** All names under `providers`, also of what is wrong otherwise; `undefined` where `provider` stands. */
  readonly names: readonly string[] | undefined
  readonly providers: readonly DraftedProvider[]
  readonly report: RuleReport
}

function checkRoute(route: RouteDraft, place: Path, choice: Choice): void {
  const { names, report } = choice
  const path = [...place, 'provider']
  if (!report.isWritten(path)) return checkNoChoice(route, place, choice)
  if (names === undefined) {
    if (report.isWritten(['provider']))
      report.problem(path, 'has no effect with provider: it chooses one of several providers')
    return
  }
  if (!needsProvider(route)) report.problem(path, 'has no effect with access: public')
  for (const [at, name] of [route.provider].flat().entries()) {
    if (name === undefined || names.includes(name)) continue
    const where = Array.isArray(route.provider) ? [...path, at] : path
    report.problem(where, `${report.shown(where, name)} is none of providers: ${names.join(', ')}`)
  }
  checkSeveral(route, place, choice)
}

function checkNoChoice(route: RouteDraft, place: Path, { names, report }: Choice): void {
  if (names === undefined || names.length < 2 || !needsProvider(route)) return
  report.problem(
    place,
    `says no provider: whose sessions it takes, one of ${names.join(', ')} or a list of them`,
  )
}

function needsProvider({ access, token }: RouteDraft): boolean {
  return access !== 'public' || token?.via === 'client_credentials'
}

/** What the gateway would have to guess where a route takes several. */
function checkSeveral(route: RouteDraft, place: Path, { providers, report }: Choice): void {
  const taken = draftedProvidersOf(route, providers)
  if (taken.length < 2) return
  const { token, credentials, bearer } = route
  if (token?.via === 'client_credentials')
    report.problem(
      [...place, 'token', 'via'],
      'is client_credentials, the token of the gateway at one provider: the route may name one only',
    )
  const isOfLogin = token?.audience === undefined && token?.resource === undefined
  if (token?.via === 'refresh' && isOfLogin && differ(taken, ({ resource }) => resource))
    report.problem(
      [...place, 'token', 'via'],
      'is refresh, but resource differs between the providers of this route: give token.resource or token.audience',
    )
  const isAudienceOpen = credentials?.includes('bearer') === true && bearer?.audience === undefined
  const isKnownEach = taken.every(({ keys }) => keys.audience ?? keys.resource?.[0])
  if (
    isAudienceOpen &&
    isKnownEach &&
    differ(taken, ({ audience, resource }) => [audience, resource])
  )
    report.problem(
      [...place, 'credentials'],
      'needs bearer.audience: audience and resource differ between the providers of this route',
    )
}

function differ(
  providers: readonly DraftedProvider[],
  part: (keys: DraftedProvider['keys']) => unknown,
): boolean {
  return new Set(providers.map(({ keys }) => JSON.stringify(part(keys)))).size > 1
}
