import type { Readable } from 'node:stream'
import type { LiveSession } from '../domain/session-engine.ts'
import {
  createSessionEventStream,
  type SessionEventStream,
  type SessionEventStreamParts,
  type SessionWords,
} from './session-event-stream.ts'

/** All pages that listen to their sessions at this process. */
export interface SessionEventStreams {
  /** The body of a new stream, or `undefined` when there are too many already. */
  open(session: LiveSession, words: SessionWords): Readable | undefined
  count(): number
  /** For a shutdown: they would keep it waiting. */
  endAll(): void
}

export interface SessionEventStreamsOptions extends SessionEventStreamParts {
  readonly perSession?: number
  readonly limit?: number
  readonly keepAliveMs?: number
}

const PER_SESSION = 20 // tabs; browsers themselves allow 6 over HTTP/1.1
const LIMIT = 10_000 // half the connections of the public port
const KEEP_ALIVE_MS = 15_000 // proxies give up on silence after 30 to 60 s

/** One interval keeps all of them alive, and runs only while there are any. */
export function createSessionEventStreams(
  options: SessionEventStreamsOptions,
): SessionEventStreams {
  const { perSession = PER_SESSION, limit = LIMIT, keepAliveMs = KEEP_ALIVE_MS } = options
  const streams = new Set<SessionEventStream>()
  const countOf = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined

  function add(key: string, stream: SessionEventStream): void {
    streams.add(stream)
    countOf.set(key, (countOf.get(key) ?? 0) + 1)
    timer ??= setInterval(keepAlive, keepAliveMs).unref()
    stream.body.once('close', () => remove(key, stream))
  }

  function remove(key: string, stream: SessionEventStream): void {
    streams.delete(stream)
    const left = (countOf.get(key) ?? 0) - 1
    if (left > 0) countOf.set(key, left)
    else countOf.delete(key)
    if (streams.size > 0) return
    clearInterval(timer)
    timer = undefined
  }

  function keepAlive(): void {
    for (const stream of streams) stream.keepAlive()
  }

  return {
    open(session, words) {
      const { key } = session
      if (streams.size >= limit || (countOf.get(key) ?? 0) >= perSession) return undefined
      const stream = createSessionEventStream(session, words, options)
      add(key, stream)
      return stream.body
    },
    count: () => streams.size,
    endAll() {
      for (const stream of streams) stream.end()
    },
  }
}
