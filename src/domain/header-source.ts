import type { SessionRecord } from './session-record.ts'

/** What `${session.…}` in a configured header may name. */
export const SESSION_VALUES = {
  subject: ({ subject }) => subject,
  issuer: ({ issuer }) => issuer,
  sid: ({ sid }) => sid,
  acr: ({ acr }) => acr,
  auth_time: ({ authTimeMs }) => instant(authTimeMs),
  created_at: ({ createdAtMs }) => instant(createdAtMs),
  ends_at: ({ endsAtMs }) => instant(endsAtMs),
} satisfies Readonly<Record<string, (session: SessionRecord) => string | undefined>>

/** What `${request.…}` in a configured header may name. */
export const REQUEST_VALUES = {
  id: ({ requestId }) => requestId,
  method: ({ method }) => method,
  host: ({ host }) => host,
  path: ({ path }) => path,
  client_address: ({ clientAddress }) => clientAddress,
} satisfies Readonly<Record<string, (request: RequestSource) => string>>

export type SessionValue = keyof typeof SESSION_VALUES
export type RequestValue = keyof typeof REQUEST_VALUES

/** The request as headers may tell of it. */
export interface RequestSource {
  readonly requestId: string
  readonly method: string
  /** The checked Host of the request, with its port if it has one; `''` if HTTP/1.0 sent none. */
  readonly host: string
  /** As the client wrote it, without query. */
  readonly path: string
  /** Follows trusted proxies only (FW-3). */
  readonly clientAddress: string
}

/** Where the values of configured headers come from. */
export interface HeaderSource extends RequestSource {
  /** `undefined` for callers who are not signed in: no identity header is sent then (FW-8). */
  readonly claims: Readonly<Record<string, unknown>> | undefined
  readonly session: SessionRecord | undefined
  /** The signed statement about the caller. */
  readonly identity?: string | undefined
}

/** UTC, as RFC 3339 writes it. */
function instant(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString()
}
