import { nameOfPath, type Path } from '../decode-report.ts'
import type { Draft, RuleReport } from './draft.ts'
import { draftedProviders, draftedProvidersOf, type DraftedProvider } from './drafted-providers.ts'

/** With all of these given no metadata is read. */
const PINNED = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const

/** What the places of a provider, and what is done there, must agree on. */
export function checkEndpoints(draft: Draft, report: RuleReport): void {
  const providers = draftedProviders(draft)
  for (const provider of providers) {
    const isPinned = PINNED.every((name) => isGiven(provider, name, report))
    if (isPinned) checkPinned(provider, report)
    checkUserinfo(provider, isPinned, report)
    if (isPinned) checkPushing(provider, report)
    checkIntrospection(draft, { provider, providers, isPinned }, report)
    checkSignOut(draft, provider, report)
  }
}

function isGiven({ place }: DraftedProvider, name: string, report: RuleReport): boolean {
  return report.isWritten([...place, 'endpoints', name])
}

function checkPinned({ place }: DraftedProvider, report: RuleReport): void {
  for (const key of ['discoveryUrl', 'allowedOrigins'])
    if (report.isWritten([...place, key]))
      report.warning(
        [...place, key],
        `has no effect: with ${PINNED.join(', ')} no metadata is read`,
      )
}

function checkUserinfo(provider: DraftedProvider, isPinned: boolean, report: RuleReport): void {
  const { place, keys } = provider
  const path: Path = [...place, 'endpoints', 'userinfo_endpoint']
  const isThere = isGiven(provider, 'userinfo_endpoint', report)
  if (keys.userinfo === false && isThere)
    report.warning(path, `has no effect without ${nameOfPath([...place, 'userinfo'])}: true`)
  if (keys.userinfo === true && isPinned && !isThere)
    report.problem([...place, 'userinfo'], `needs ${nameOfPath(path)}: no metadata is read`)
}

/** Without metadata nobody but the operator says that requests are to be pushed, and where to. */
function checkPushing(provider: DraftedProvider, report: RuleReport): void {
  const { place, keys } = provider
  const key: Path = [...place, 'pushedAuthorizationRequests']
  const path: Path = [...place, 'endpoints', 'pushed_authorization_request_endpoint']
  const isThere = report.isWritten(path)
  if (keys.pushedAuthorizationRequests === false && isThere)
    report.warning(path, `has no effect without ${nameOfPath(key)}: true: no metadata is read`)
  if (keys.pushedAuthorizationRequests === true && !isThere)
    report.problem(key, `needs ${nameOfPath(path)}: no metadata is read`)
}

interface Asked {
  readonly provider: DraftedProvider
  readonly providers: readonly DraftedProvider[]
  readonly isPinned: boolean
}

function checkIntrospection(
  draft: Draft,
  { provider, providers, isPinned }: Asked,
  report: RuleReport,
): void {
  const path: Path = [...provider.place, 'endpoints', 'introspection_endpoint']
  const isThere = isGiven(provider, 'introspection_endpoint', report)
  let isAsked = false
  for (const [at, route] of (draft?.routes ?? []).entries()) {
    if (route?.credentials?.includes('bearer') !== true || route.access === 'public') continue
    if (!draftedProvidersOf(route, providers).includes(provider)) continue
    const check = route.bearer?.check
    isAsked ||= check !== 'keys'
    if (check === 'introspection' && isPinned && !isThere)
      report.problem(
        ['routes', at, 'bearer', 'check'],
        `is introspection, which needs ${nameOfPath(path)}: no metadata is read`,
      )
  }
  if (isThere && !isAsked)
    report.warning(path, 'has no effect: no route asks about tokens of callers')
}

function checkSignOut(draft: Draft, provider: DraftedProvider, report: RuleReport): void {
  const { revoke } = draft?.logout ?? {}
  if (revoke === false && isGiven(provider, 'revocation_endpoint', report))
    report.warning(
      [...provider.place, 'endpoints', 'revocation_endpoint'],
      'has no effect with logout.revoke: false',
    )
  const elsewhere = ['logout', 'providerLogoutUrl']
  if (report.isWritten(elsewhere) && isGiven(provider, 'end_session_endpoint', report))
    report.warning(elsewhere, 'has no effect: the provider has an end_session_endpoint')
}
