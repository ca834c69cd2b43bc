import { PassThrough, type Readable } from 'node:stream'
import type { LiveSession, SessionEngine } from '../domain/session-engine.ts'
import type { SessionEnd } from '../domain/session-record.ts'
import type { After } from '../domain/timer.ts'

export interface SessionEventStreamParts {
  readonly sessions: Pick<SessionEngine, 'onEnd' | 'onRefresh' | 'reread'>
  /** How long before a session's end its pages are told, milliseconds. */
  readonly warningMs: number
  readonly nowMs: () => number
  readonly after: After
}

/** What a page is told of its session: no token, ever. */
export interface SessionWords {
  refreshed(session: LiveSession): object
  expiring(reason: SessionEnd, endsAtMs: number): object
  ended(reason: SessionEnd): object
}

export interface SessionEventStream {
  /** The body of the answer; closing it ends everything. */
  readonly body: Readable
  /** Something for the wire that no page sees. */
  keepAlive(): void
  /** Ends it without a word: the browser comes back by itself. */
  end(): void
}

const LOOK_AGAIN_MS = 5_000 // the store did not answer, or the end is due at this moment
const RETRY_MS = 2_000
const RETRY_SPREAD_MS = 3_000 // so that not all pages come back at once to a gateway that restarted

/** One page listening to its session (STANDARDS SE-22). It never counts as a use of the session. */
export function createSessionEventStream(
  session: LiveSession,
  words: SessionWords,
  parts: SessionEventStreamParts,
): SessionEventStream {
  const { sessions, warningMs, nowMs, after } = parts
  const body = new PassThrough()
  let version = session.version
  let warnedOfMs: number | undefined
  let cancelLook = (): void => {}

  function send(event: string, content: object): void {
    if (body.writable) body.write(`event: ${event}\ndata: ${JSON.stringify(content)}\n\n`)
  }

  function lookAt(whenMs: number): void {
    cancelLook()
    cancelLook = after(Math.max(0, whenMs - nowMs()), () => void look())
  }

  /** Past the local copy: another replica may have seen a use. */
  async function look(): Promise<void> {
    const found = await sessions.reread(session).catch(() => undefined)
    if (body.destroyed || !body.writable) return
    if (found === undefined || 'ended' in found) return lookAt(nowMs() + LOOK_AGAIN_MS) // `onEnd` knows an end for sure
    if (found.version > version) {
      version = found.version
      send('refreshed', words.refreshed(found))
    }
    watchLimit(found)
  }

  function watchLimit({ idleEndsAtMs, record }: LiveSession): void {
    const endMs = Math.min(idleEndsAtMs, record.endsAtMs)
    if (nowMs() < endMs - warningMs) return lookAt(endMs - warningMs)
    if (warnedOfMs !== endMs) {
      warnedOfMs = endMs
      send('expiring', words.expiring(reasonOf(idleEndsAtMs, record.endsAtMs), endMs))
    }
    lookAt(nowMs() < endMs ? endMs : nowMs() + LOOK_AGAIN_MS)
  }

  const stopHearing = [
    sessions.onRefresh(session, () => void look()),
    sessions.onEnd(session, (reason) => {
      send('ended', words.ended(reason))
      body.end()
    }),
  ]
  body.once('close', () => {
    cancelLook()
    for (const stop of stopHearing) stop()
  })
  body.write(`retry: ${RETRY_MS + Math.floor(Math.random() * RETRY_SPREAD_MS)}\n\n`)
  watchLimit(session)

  return {
    body,
    keepAlive: () => {
      if (body.writable) body.write(':\n\n')
    },
    end: () => void body.end(),
  }
}

function reasonOf(idleEndsAtMs: number, endsAtMs: number): SessionEnd {
  return idleEndsAtMs < endsAtMs ? 'session_idle' : 'session_expired'
}
