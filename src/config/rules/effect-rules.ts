import type { Path } from '../decode-report.ts'
import type { RouteDraft, RuleReport } from './draft.ts'

const SAFE: readonly unknown[] = ['GET', 'HEAD', 'OPTIONS']

/** Nothing is ignored in silence: a key that cannot take effect on its route is a mistake. */
export function checkEffect(route: RouteDraft, place: Path, report: RuleReport): void {
  for (const [key, obstacle] of Object.entries(obstacles(route))) {
    const path = [...place, key]
    if (obstacle !== undefined && report.isWritten(path))
      report.problem(path, `has no effect ${obstacle}`)
  }
  if (!takesSockets(route)) return checkTotal(route, place, report)
  if (isWithoutGet(route)) {
    report.problem(
      [...place, 'websocket'],
      'needs GET among methods: a WebSocket begins with a GET',
    )
  }
}

/** The whole ends before its part could. */
function checkTotal({ timeouts }: RouteDraft, place: Path, report: RuleReport): void {
  const { total = 0 } = timeouts ?? {}
  for (const key of ['headers', 'idle'] as const) {
    const path = [...place, 'timeouts', key]
    if (total > 0 && (timeouts?.[key] ?? 0) > total && report.isWritten(path))
      report.problem(path, 'is more than timeouts.total, so it would never take effect')
  }
}

/** Why a key would be of no use, by key. */
function obstacles(route: RouteDraft): Readonly<Record<string, string | undefined>> {
  const { access, methods, unauthenticated } = route
  const atPublic = access === 'public' ? 'with access: public' : undefined
  const lettingAllIn = access === 'optional' ? 'with access: optional' : undefined
  const isFutileLogin = unauthenticated === 'login' && isWithoutGet(route)
  const withoutGet = isFutileLogin ? 'without GET among methods: a login is for pages' : undefined
  const isSafeOnly = methods?.every((method) => SAFE.includes(method)) === true
  return {
    unauthenticated: atPublic ?? lettingAllIn ?? withoutGet,
    csrf: atPublic ?? (isSafeOnly ? 'without an unsafe method among methods' : undefined),
    cacheable: atPublic,
  }
}

function takesSockets({ websocket }: RouteDraft): boolean {
  return websocket !== undefined && websocket !== false
}

function isWithoutGet({ methods }: RouteDraft): boolean {
  return methods !== undefined && !methods.includes(undefined) && !methods.includes('GET')
}
