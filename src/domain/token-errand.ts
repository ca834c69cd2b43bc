import type { Emit } from './events.ts'
import { GatewayError } from './gateway-error.ts'
import type { LiveSession } from './live-session.ts'
import { told, type SessionTokenWish } from './route-token.ts'
import { isSameSubject } from './session-lifecycle.ts'
import type { SessionRecord } from './session-record.ts'
import type { RefreshAnswer, GrantAnswer } from './sign-in.ts'

/** Which token of a session is to be fetched: the login's own, unless there is a wish. */
export interface TokenErrand {
  readonly wish?: SessionTokenWish
  /** Because an upstream refused the one there is. */
  readonly forced?: boolean
}

/** The name that its token is kept under; `''` is the login's own. */
export function targetOf({ wish }: TokenErrand): string {
  return wish === undefined ? '' : wish.target
}

/** Errands of one name are one: whoever asks second gets what the first one fetches. */
export function errandName({ key }: LiveSession, errand: TokenErrand): string {
  return `${key} ${targetOf(errand)}`
}

/** Asks the provider, and says how that went. */
export interface TokenErrands {
  /** @throws GatewayError refresh_rejected: it refused for good, or answered for another subject (RT-6) */
  run(record: SessionRecord, errand: TokenErrand): Promise<GrantAnswer>
  tellFailure(record: SessionRecord, errand: TokenErrand, error: GatewayError): void
}

export interface TokenErrandsParts {
  readonly refreshTokenGrant: (record: SessionRecord) => Promise<GrantAnswer>
  readonly routeTokenGrant: (record: SessionRecord, wish: SessionTokenWish) => Promise<GrantAnswer>
  readonly nowMs: () => number
  readonly emit: Emit
}

export function createTokenErrands(parts: TokenErrandsParts): TokenErrands {
  const { refreshTokenGrant, routeTokenGrant, nowMs, emit } = parts

  function tellSuccess(
    { issuer, subject, refreshToken }: SessionRecord,
    wish: SessionTokenWish | undefined,
    answer: RefreshAnswer,
    durationMs: number,
  ): void {
    if (wish !== undefined) {
      emit({ type: 'token_obtained', durationMs, issuer, subject, ...told(wish) })
      return
    }
    const rotated = (answer.refreshToken ?? refreshToken) !== refreshToken
    emit({ type: 'refresh_succeeded', durationMs, issuer, subject, rotated })
  }

  return {
    async run(record, { wish, forced }) {
      const startedAtMs = nowMs()
      const answer = await (wish === undefined
        ? refreshTokenGrant(record)
        : routeTokenGrant(record, wish))
      if ('refused' in answer) return answer
      if (!isSameSubject(record, answer)) {
        throw new GatewayError('refresh_rejected', 'the refresh answered for another subject')
      }
      tellSuccess(record, wish, answer, nowMs() - startedAtMs)
      const { accessToken } = answer
      return forced === true ? { ...answer, accessToken: { ...accessToken, forced } } : answer
    },
    tellFailure({ issuer, subject }, { wish }, error) {
      const { reason } = error
      if (wish === undefined)
        emit({ type: 'refresh_failed', issuer, subject, reason, cause: error })
      else emit({ type: 'token_failed', reason, issuer, subject, ...told(wish), cause: error })
    },
  }
}
