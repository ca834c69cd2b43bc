import type { SessionFacts } from '../../domain/access-decision.ts'
import type { BearerCredential } from '../../domain/bearer-credential.ts'
import type { Standing } from '../../domain/requirement.ts'
import type { Route } from '../../domain/route.ts'
import { isOwnToken, type RouteToken } from '../../domain/route-token.ts'
import type { SessionRecord } from '../../domain/session-record.ts'
import { WITHOUT_TOKEN } from '../../proxy/bearer-admission.ts'
import type { Passage } from '../../proxy/transfer-line.ts'

/** Who asks, as far as an operator has said it. */
export interface Caller {
  readonly facts: SessionFacts
  /** With what the request would go on: tokens by their names only. */
  readonly passage: Passage
  /** In words. */
  readonly told: string
  /** Judged by a token of their own, or by the lack of one: no login helps. */
  readonly isByToken: boolean
}

export interface CallerTerms {
  readonly route: Route
  readonly credential: BearerCredential
  readonly claims: Readonly<Record<string, unknown>> | undefined
  /** Of the provider: taken as granted where the claims do not say. */
  readonly scope: string
  readonly issuer: string
  readonly lifetimeMs: number
  readonly nowMs: number
}

/** Somebody by session, by a token of their own, or nobody: by the precedence of real requests (AT-39). */
export function explainedCaller(terms: CallerTerms): Caller {
  const { route, credential, claims } = terms
  const { session, bearer } = route.credentials
  if (route.access === 'public')
    return nobody(terms, NO_SESSION, 'nobody in particular: a public route does not look')
  const isBearer = bearer !== undefined && (credential.kind !== 'absent' || !session)
  if (isBearer) return { ...byToken(terms), isByToken: true }
  if (claims === undefined)
    return nobody(terms, NO_SESSION, 'nobody is signed in (--claims FILE makes somebody)')
  const { record, standing } = signedIn(terms, claims)
  const live = { ticket: { id: '', key: '' }, key: '', version: 0, record, idleEndsAtMs: 0 }
  const token = upstreamToken(route.token, '<access token of the login>')
  return {
    facts: { kind: 'active', ...standing },
    passage: { session: live, token },
    told: `${record.subject}, signed in`,
    isByToken: false,
  }
}

const NO_SESSION: SessionFacts = { kind: 'none', reason: 'no_session' }

function byToken(terms: CallerTerms): Omit<Caller, 'isByToken'> {
  const { route, credential, claims } = terms
  if (credential.kind === 'unreadable' || credential.kind === 'several')
    return nobody(terms, WITHOUT_TOKEN[credential.kind], 'an Authorization header nobody can read')
  if (claims === undefined)
    return credential.kind === 'absent'
      ? nobody(terms, WITHOUT_TOKEN.absent, 'nobody: no access token came with the request')
      : nobody(
          terms,
          { kind: 'rejected', reason: 'bearer_invalid' },
          'a token that counts as bad: none is checked here, --claims FILE says what a good one holds',
        )
  const { standing, record } = signedIn(terms, claims)
  const { issuer, subject } = record
  const value = "<the caller's own access token>"
  const { scope } = standing
  const bearer = { value, claims, scope, issuer, subject, expiresAtMs: Number.MAX_SAFE_INTEGER }
  const { via } = route.token
  const token = via === 'none' || via === 'client_credentials' ? upstreamToken(route.token) : value
  return {
    facts: { kind: 'bearer', ...standing },
    passage: { session: undefined, token, bearer },
    told: `${subject}, by an access token of their own`,
  }
}

function nobody({ route }: CallerTerms, facts: SessionFacts, told: string): Caller {
  const token = route.token.via === 'client_credentials' ? upstreamToken(route.token) : undefined
  return { facts, passage: { session: undefined, token }, told, isByToken: false }
}

/** What stands for the token that the upstream would get. */
function upstreamToken(token: RouteToken, ofLogin?: string): string | undefined {
  switch (token.via) {
    case 'login':
      return ofLogin
    case 'none':
      return undefined
    case 'client_credentials':
      return `<access token of the gateway itself${purpose(token)}>`
    case 'refresh':
    case 'exchange':
      return `<access token by ${token.via}${purpose(token)}>`
  }
}

/** What an answer that says nothing of scope grants (RFC 6749 §5.1); an exchange without one, nobody knows. */
function askedScope(token: RouteToken, ofLogin: string): string | undefined {
  if (!isOwnToken(token)) return ofLogin
  return token.scope ?? (token.via === 'refresh' ? ofLogin : undefined)
}

function purpose({
  audience,
  resource,
}: {
  readonly audience?: string
  readonly resource?: string
}) {
  const named = [audience, resource].filter((one) => one !== undefined)
  return named.length === 0 ? '' : `, for ${named.join(' ')}`
}

function signedIn(
  { route, issuer, scope: ofLogin, lifetimeMs, nowMs }: CallerTerms,
  claims: Readonly<Record<string, unknown>>,
): { readonly record: SessionRecord; readonly standing: Standing } {
  const { sub, sid, acr, auth_time: authTime, scope = askedScope(route.token, ofLogin) } = claims
  const how = typeof acr === 'string' ? { acr } : {}
  const authTimeMs = typeof authTime === 'number' ? authTime * 1000 : undefined
  const record: SessionRecord = {
    formatVersion: 1,
    issuer,
    subject: typeof sub === 'string' ? sub : '<sub>',
    ...(typeof sid === 'string' ? { sid } : {}),
    claims,
    ...how,
    ...(authTimeMs === undefined ? {} : { authTimeMs }),
    createdAtMs: nowMs,
    endsAtMs: nowMs + lifetimeMs,
    accessTokens: [],
  }
  const authAgeMs = authTimeMs === undefined ? undefined : nowMs - authTimeMs
  const granted = typeof scope === 'string' ? scope : undefined
  return { record, standing: { claims, scope: granted, acr: how.acr, authAgeMs } }
}
