import type { ClientHttp2Session } from 'node:http2'
import { Http2Failure } from './http2-failure.ts'

/** Whether the other end of a connection is there. */
export interface Http2Pulse {
  /** Somebody has asked, and there was no sign of life since. */
  readonly isDoubtful: boolean
  /** Asks for a sign of life. */
  doubt(): void
  stop(): void
}

/**
 * Breaks a connection that shows no sign of life while calls wait on it. Not only machines that are gone show none: what
 * nghttp2 refuses to read ends a connection, and Node 20 tells nobody.
 */
export function feelPulse(
  session: ClientHttp2Session,
  everyMs: number,
  isInUse: () => boolean,
): Http2Pulse {
  let askedAtMs: number | undefined
  let isDoubtful = false
  const ask = (): void => {
    if (askedAtMs !== undefined || session.connecting || session.destroyed) return
    const isSent = session.ping(() => {
      askedAtMs = undefined
      isDoubtful = false
    })
    if (isSent) askedAtMs = performance.now()
  }
  const timer = setInterval(() => {
    const isOwed = askedAtMs !== undefined && performance.now() - askedAtMs > everyMs / 2
    if (isOwed) return session.destroy(new Http2Failure('ETIMEDOUT', 'no answer to a ping'))
    if (isDoubtful || isInUse()) ask()
  }, everyMs).unref()
  return {
    get isDoubtful() {
      return isDoubtful
    },
    doubt: () => {
      isDoubtful = true
      ask()
    },
    stop: () => clearInterval(timer),
  }
}
