/** Which other origins' pages may read a route's answers (Fetch standard, CORS protocol). */
export interface CorsPolicy {
  /** Exact origins, serialised as browsers do. */
  readonly origins: readonly string[]
  /** Those pages may also use the session of the browser's user. */
  readonly credentials: boolean
  /** Lower-case names of request headers those pages may set. */
  readonly headers: readonly string[]
  /** Lower-case names of answer headers those pages may read. */
  readonly expose: readonly string[]
  readonly maxAgeSeconds: number
}

type Headers = Readonly<Record<string, string | string[] | undefined>>

/** The method that a preflight asks for; `undefined` when this is none. */
export function preflightMethod(method: string | undefined, headers: Headers): string | undefined {
  if (method !== 'OPTIONS' || headers['origin'] === undefined) return undefined
  const wanted = headers['access-control-request-method']
  return typeof wanted === 'string' ? wanted : undefined
}

/** True for a listed origin whose pages may act with the session (STANDARDS CS-5). Never for `null`. */
export function mayUseSession(cors: CorsPolicy | undefined, origin: string | undefined): boolean {
  return cors?.credentials === true && isListed(cors, origin)
}

/** Is this exactly one of the listed origins? */
export function isListed({ origins }: CorsPolicy, origin: string | undefined): boolean {
  return origin !== undefined && origins.includes(origin)
}

/** What an answer says to the page that asked; to an origin that is not listed only that answers differ. */
export function corsHeaders(cors: CorsPolicy, origin: string | undefined): Record<string, string> {
  if (origin === undefined || !isListed(cors, origin)) return { vary: 'Origin' }
  return {
    vary: 'Origin',
    'access-control-allow-origin': origin,
    ...(cors.credentials ? { 'access-control-allow-credentials': 'true' } : {}),
    ...(cors.expose.length === 0
      ? {}
      : { 'access-control-expose-headers': cors.expose.join(', ') }),
  }
}

/** The answer to a preflight of a listed origin. */
export function preflightHeaders(
  cors: CorsPolicy,
  origin: string,
  methods: readonly string[],
): Record<string, string> {
  const { 'access-control-expose-headers': _, ...shared } = corsHeaders(cors, origin)
  return {
    ...shared,
    vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
    'access-control-allow-methods': methods.join(', '),
    ...(cors.headers.length === 0
      ? {}
      : { 'access-control-allow-headers': cors.headers.join(', ') }),
    'access-control-max-age': String(cors.maxAgeSeconds),
  }
}

/** An upstream's answer with our word on CORS instead of its own; name, value, name, value …. */
export function withCors(
  headers: readonly string[],
  cors: CorsPolicy,
  origin: string | undefined,
): string[] {
  const own = headers.filter((_, at) => !/^access-control-/i.test(headers[at - (at % 2)]!))
  return [...own, ...Object.entries(corsHeaders(cors, origin)).flat()]
}
