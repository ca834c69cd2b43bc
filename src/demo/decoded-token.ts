/** What a JWT says about itself. */
export interface DecodedToken {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
}

/**
 * The JWT of an Authorization header, decoded but **not verified**: for showing it. `undefined` when
 * there is none. A real API verifies signature, issuer, audience and expiry (RFC 9068 §4).
 */
export function decodedToken(authorization: string | undefined): DecodedToken | undefined {
  const [header, claims] =
    /^Bearer ([^.]+)\.([^.]+)\.[^.]+$/i.exec(authorization ?? '')?.slice(1) ?? []
  if (header === undefined || claims === undefined) return undefined
  try {
    return { header: decoded(header), claims: decoded(claims) }
  } catch {
    return undefined // opaque after all
  }
}

function decoded(part: string): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
