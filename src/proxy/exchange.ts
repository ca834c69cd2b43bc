import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Dispatcher } from 'undici'
import type { Reason } from '../domain/reason.ts'
import { clientResponseHeaders } from '../domain/response-headers.ts'
import type { LiveSession } from '../domain/session-engine.ts'
import type { Entrance } from '../http/entrance.ts'
import { forgetClient, watchClient, type Leavable } from './client-connection.ts'
import { sendContinue } from './expect-continue.ts'
import { sendEarlyHints } from './early-hints.ts'
import { finishedEvent, type Outcome } from './finished-event.ts'
import type { LiveTransfer } from './live-transfers.ts'
import { refusesToken, withNewerToken } from './refused-token.ts'
import {
  announcesEventStream,
  declaredLength,
  dropLength,
  hasForeignCoding,
  reasonPhrase,
} from './response-framing.ts'
import { sendableTrailers } from './response-trailers.ts'
import { breakOff, sendHeadAhead, sendLast } from './response-writes.ts'
import type { TransferLine } from './transfer-line.ts'
import { turnAway } from './turn-away.ts'
import { upstreamFailure } from './upstream-failure.ts'

/** The client's side of an exchange. */
export interface ExchangeClient {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly entrance: Entrance
  readonly session: LiveSession | undefined
}

/** What the upstream is asked. */
export interface ExchangeCall {
  readonly path: string
  readonly method: string
  readonly servername: string
  readonly headers: string[]
  readonly body: IncomingMessage | null
}

const IDEMPOTENT = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'PROPFIND',
  'REPORT',
  'SEARCH',
])
const MAX_INTERIM_ANSWERS = 16 // a flood of 1xx is an attack (AT-30)

/**
 * One request on its way through: undici calls it for the upstream's side, the watch and the client's connection for
 * the other. A class, and the callbacks undici 7 calls directly, because this is the one object per request that the
 * speed of the gateway hangs on: no closure, no listener and no promise in the ordinary case.
 */
export class Exchange implements Dispatcher.DispatchHandler, LiveTransfer, Leavable {
  activeTick = 0
  endless = false
  previous: LiveTransfer | undefined
  next: LiveTransfer | undefined
  nextOfClient: Leavable | undefined

  readonly #line: TransferLine
  readonly #client: ExchangeClient
  #call: ExchangeCall
  readonly #response: ServerResponse
  readonly #socket: Socket
  #abortUpstream: ((error?: Error) => void) | undefined
  #resumeUpstream: (() => void) | undefined
  #askedAtMs = 0
  #answeredAtMs = 0
  #answering = false
  #retried = false
  #refreshed = false
  #dropping = false
  #ended = false
  #headSent = false
  #bytesLeft = -1
  #bodyBytes = 0
  #interimCount = 0
  #trailers = false
  #forgetSession: (() => void) | undefined

  constructor(line: TransferLine, client: ExchangeClient, call: ExchangeCall) {
    this.#line = line
    this.#client = client
    this.#call = call
    this.#response = client.reply.raw
    this.#socket = client.request.raw.socket // undici takes it off a request whose body it gave up
  }

  start(): void {
    this.#line.pool.calls += 1
    this.#line.transfers.add(this)
    if (this.#socket.destroyed) return this.onClientGone()
    watchClient(this.#socket, this)
    this.#dispatch()
  }

  #dispatch(): void {
    this.#askedAtMs = performance.now()
    this.#line.pool.dispatcher.dispatch(this.#call, this)
  }

  // The upstream's side

  onConnect(abort: (error?: Error) => void): void {
    if (this.#ended) return abort()
    this.#abortUpstream = abort
    if (this.#call.body !== null) sendContinue(this.#call.body, this.#response)
  }

  onBodySent(chunk: unknown): void {
    this.activeTick = this.#line.transfers.tick
    this.#bodyBytes += (chunk as Buffer).length
    if (this.#bodyBytes > this.#line.route.maxBodyBytes) this.#giveUp('body_too_large')
  }

  onResponseStarted(): void {
    this.#answering = true
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    if (this.#ended) return false
    this.activeTick = this.#line.transfers.tick
    if (status < 200) return this.#onInterim(status, rawHeaders)
    if (status > 599 || hasForeignCoding(rawHeaders)) return this.#giveUp('upstream_protocol_error')
    if (refusesToken(status, rawHeaders) && this.#mayRefresh()) {
      const passOn = (): void => {
        this.onHeaders(status, rawHeaders, resume, statusText)
        resume()
      }
      this.#refresh(passOn).catch((cause: unknown) => this.#giveUp('internal_error', cause))
      return false
    }
    this.#answeredAtMs = performance.now()
    this.#resumeUpstream = resume
    this.#sendHead(status, rawHeaders, statusText)
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#ended) return false
    const response = this.#response
    this.activeTick = this.#line.transfers.tick
    this.#headSent = true
    if (this.#bytesLeft >= 0) {
      this.#bytesLeft -= chunk.length
      if (this.#bytesLeft === 0) {
        sendLast(response, this.#socket, chunk)
        return true
      }
    }
    if (response.write(chunk)) return true
    response.once('drain', () => this.#onDrain())
    return false
  }

  onComplete(rawTrailers: string[] | null): void {
    if (this.#ended) return
    const response = this.#response
    if (!response.writableEnded) {
      if (this.#trailers) response.addTrailers(sendableTrailers(rawTrailers ?? []))
      response.end()
    }
    this.#finish()
  }

  onError(error: Error): void {
    if (this.#ended || this.#dropping) return
    if (this.#isWhole()) return this.onComplete(null)
    if (this.#mayAskAgain(error)) {
      this.#retried = true
      return this.#dispatch()
    }
    this.#giveUp(upstreamFailure(error, this.#answering), error)
  }

  // The client's side

  onClientGone(): void {
    if (this.#ended) return
    this.#end()
    this.#client.reply.hijack()
    this.#emit({ clientLeft: true })
  }

  #onDrain(): void {
    this.activeTick = this.#line.transfers.tick
    if (!this.#ended) this.#resumeUpstream?.()
  }

  // The watch's side

  patienceTicks(): number {
    if (this.#answeredAtMs === 0) return this.#awaitsClient() ? 0 : this.#line.headersPatience
    return this.endless && !this.#response.writableNeedDrain ? 0 : this.#line.idlePatience
  }

  onSilence(): void {
    // A client that reads nothing for so long holds a connection of the upstream (AT-28).
    if (this.#response.writableNeedDrain) this.#socket.destroy()
    else this.#giveUp('upstream_timeout')
  }

  onTick(): void {
    if (this.#answeredAtMs === 0 || this.#headSent) return
    this.#headSent = true
    this.#response.flushHeaders()
  }

  endStream(): void {
    if (this.#ended) return
    this.#response.end()
    this.#end()
    this.#emit({})
  }

  /** The upload waits for the client, not for the upstream: the server's own timeout covers that. */
  #awaitsClient(): boolean {
    const { body } = this.#call
    return body !== null && !body.complete && !body.isPaused()
  }

  #onInterim(status: number, rawHeaders: Buffer[]): boolean {
    this.#interimCount += 1
    if (this.#interimCount > MAX_INTERIM_ANSWERS) return this.#giveUp('upstream_protocol_error')
    if (status < 100) return this.#giveUp('upstream_protocol_error')
    if (status === 103) sendEarlyHints(rawHeaders, this.#client.request.raw, this.#response)
    return true
  }

  #sendHead(status: number, rawHeaders: Buffer[], statusText: string): void {
    const { request, reply, session } = this.#client
    const headers = clientResponseHeaders(
      rawHeaders,
      this.#line.responsePlan,
      session !== undefined,
    )
    if (status === 204) dropLength(headers) // HX-23
    const response = this.#response
    if (this.#call.body !== null && !this.#call.body.complete) headers.push('connection', 'close') // HX-32
    response.writeHead(status, reasonPhrase(statusText, status), headers)
    reply.hijack()
    this.#bytesLeft = declaredLength(rawHeaders, this.#call.method, status)
    if (this.#bytesLeft >= 0) return
    this.#trailers = /\btrailers\b/i.test(String(request.headers.te ?? ''))
    if (announcesEventStream(rawHeaders)) this.#becomeEndless()
    this.#headSent = true
    sendHeadAhead(response, this.#socket)
  }

  /** LO-15: an event stream ends with its session. */
  #becomeEndless(): void {
    this.endless = true
    const { session } = this.#client
    if (session === undefined) return
    this.#forgetSession = this.#line.sessions.onEnd(session, () => this.endStream())
  }

  #mayRefresh(): boolean {
    return !this.#refreshed && this.#client.session !== undefined && this.#isRepeatable()
  }

  /** RT-9: once, and `passOn` when no newer token is to be had. */
  async #refresh(passOn: () => void): Promise<void> {
    this.#refreshed = true
    const session = this.#client.session as LiveSession
    const headers = await withNewerToken(this.#line.sessions, session, this.#call.headers)
    if (this.#ended) return
    if (headers === undefined) return passOn()
    this.#call = { ...this.#call, headers }
    this.#dropping = true
    this.#abortUpstream?.()
    this.#dropping = false
    this.#abortUpstream = undefined
    this.#answering = false
    this.#dispatch()
  }

  #isRepeatable(): boolean {
    return this.#call.body === null && IDEMPOTENT.has(this.#call.method)
  }

  /** undici takes the Content-Length of a 304 for a body that did not come. */
  #isWhole(): boolean {
    return this.#answeredAtMs !== 0 && this.#bytesLeft === 0
  }

  /** HX-17: once, on a connection that had been idle, before any byte of an answer, and only what may be repeated. */
  #mayAskAgain(error: Error): boolean {
    if (this.#retried || this.#answering) return false
    return this.#isRepeatable() && this.#line.pool.wasReused(error)
  }

  /** Ends both sides for our own reason. Answers false: undici is to send no more. */
  #giveUp(reason: Reason, cause?: unknown): false {
    if (this.#ended) return false
    this.#end()
    if (!this.#response.headersSent) {
      turnAway(this.#client.request, this.#client.reply, reason, { cause })
      return false
    }
    this.#emit({ reason, ...(cause === undefined ? {} : { cause }) })
    breakOff(this.#client.request.raw.httpVersion, this.#socket)
    return false
  }

  #finish(): void {
    this.#end()
    this.#emit({})
  }

  #end(): void {
    this.#ended = true
    this.#line.pool.calls -= 1
    this.#line.transfers.remove(this)
    forgetClient(this.#socket, this)
    this.#forgetSession?.()
    this.#abortUpstream?.()
  }

  #emit(outcome: Omit<Outcome, 'status' | 'upstreamMs'>): void {
    const { entrance, session } = this.#client
    const answered = this.#answeredAtMs !== 0
    const status = answered ? this.#response.statusCode : 0
    const told = answered ? { upstreamMs: this.#answeredAtMs - this.#askedAtMs } : {}
    this.#line.emit(finishedEvent(entrance, session, { status, ...told, ...outcome }))
  }
}
