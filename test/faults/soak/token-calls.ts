import type { TokenDecision } from '../../support/openid-provider.ts'

/** One grant that the provider gave. Times are those of `performance.now()`. */
export interface TokenCall {
  /** The gateway process that asked, as its `token_endpoint` names it. */
  readonly by: string
  readonly grantType: string
  readonly subject: string
  readonly tokenId: string
  readonly decidedMs: number
  /** The connection was gone before the whole answer was sent. */
  readonly wasCut: boolean
}

/** The provider's own account of the tokens it gave: the witness in the soak. */
export interface TokenCalls {
  readonly afterToken: (grantType: string, decision: TokenDecision) => Promise<void>
  /** The last refresh it granted to somebody before a moment. */
  lastRefresh(subject: string, beforeMs: number): TokenCall | undefined
  readonly all: readonly TokenCall[]
}

export function createTokenCalls(): TokenCalls {
  const all: TokenCall[] = []
  return {
    all,
    async afterToken(grantType, { request, response, accessToken }) {
      if (accessToken === undefined) return
      const call = {
        ...identityOf(accessToken),
        by: new URL(request.url ?? '/', 'http://provider').searchParams.get('by') ?? '',
        grantType,
        decidedMs: performance.now(),
        wasCut: request.socket.destroyed,
      }
      all.push(call)
      response.once('close', () => (call.wasCut = !response.writableFinished))
    },
    lastRefresh: (subject, beforeMs) =>
      all.findLast(
        (call) =>
          call.subject === subject &&
          call.grantType === 'refresh_token' &&
          call.decidedMs < beforeMs,
      ),
  }
}

function identityOf(accessToken: string): { subject: string; tokenId: string } {
  const payload = Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()
  const { sub, jti } = JSON.parse(payload) as { sub: string; jti: string }
  return { subject: sub, tokenId: jti }
}
