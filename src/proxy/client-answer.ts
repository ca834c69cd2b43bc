import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { sendContinue } from './expect-continue.ts'
import { sendEarlyHints } from './early-hints.ts'
import { reasonPhrase } from './response-framing.ts'
import { sendableTrailers } from './response-trailers.ts'
import { breakOff, flushHead, sendHeadAhead, sendLast } from './response-writes.ts'

/** The head of an answer, as it came and as it is to be sent. */
export interface AnswerHead {
  readonly status: number
  readonly statusText: string
  /** name, value, name, value … */
  readonly headers: string[]
  /** Bytes that are certain to come, or -1. */
  readonly declaredBytes: number
}

/**
 * The client's half of an exchange: one head, then the octets in the order they came, then an end or a visible break.
 *
 * - `begin` comes first and once; until then the answer may still become a refusal.
 * - With a declared length the last octet ends the answer; head and a short body leave in one write.
 * - Without one the head leaves at once, and `finish` ends the answer.
 */
export class ClientAnswer {
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #socket: Socket
  readonly #hidden: ReadonlySet<string> | undefined
  #bytesLeft = -1
  #headWaits = false
  #takesTrailers = false

  /** @param hidden names of fields that clients do not get, lower case */
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    hidden: ReadonlySet<string> | undefined,
  ) {
    this.#request = request
    this.#response = response
    this.#hidden = hidden
    this.#socket = request.socket // undici takes it off a request whose body it gave up
  }

  get socket(): Socket {
    return this.#socket
  }

  get status(): number {
    return this.#response.statusCode
  }

  get isBegun(): boolean {
    return this.#response.headersSent
  }

  /** Every declared octet was passed on, whatever the upstream's connection does now. */
  get isWhole(): boolean {
    return this.#bytesLeft === 0
  }

  /** Declared octets are missing: to end the answer now would leave the client waiting for them. */
  get isShort(): boolean {
    return this.#bytesLeft > 0
  }

  /** The client reads more slowly than the upstream writes. */
  get isFull(): boolean {
    return this.#response.writableNeedDrain
  }

  goOn(body: IncomingMessage | null): void {
    if (body !== null) sendContinue(body, this.#response)
  }

  hint(rawHeaders: readonly Buffer[]): void {
    if (this.#hidden?.has('link') === true) return
    sendEarlyHints(rawHeaders, this.#request, this.#response)
  }

  /** @throws Error ERR_INVALID_CHAR and its like: Node will not write what the upstream sent */
  begin({ status, statusText, headers, declaredBytes }: AnswerHead): void {
    this.#response.writeHead(status, reasonPhrase(statusText, status), headers)
    this.#bytesLeft = declaredBytes
    this.#headWaits = declaredBytes >= 0
    if (this.#headWaits) return
    this.#takesTrailers = /\btrailers\b/i.test(String(this.#request.headers.te ?? ''))
    sendHeadAhead(this.#response, this.#socket)
  }

  /** False when the client has to drain first: see `onceDrained`. */
  write(chunk: Buffer): boolean {
    this.#headWaits = false
    if (this.#bytesLeft < 0) return this.#response.write(chunk)
    this.#bytesLeft -= chunk.length
    if (this.#bytesLeft > 0) return this.#response.write(chunk)
    sendLast(this.#response, this.#socket, chunk)
    return true
  }

  onceDrained(goOn: () => void): void {
    this.#response.once('drain', goOn)
  }

  /** A head whose body lets wait for itself. */
  flushHead(): void {
    if (!this.#headWaits) return
    this.#headWaits = false
    if (this.#bytesLeft > 0) flushHead(this.#response)
    else this.#response.flushHeaders() // without a body there is nothing that could be written
  }

  finish(rawTrailers: readonly (Buffer | string)[] | null): void {
    if (this.#response.writableEnded) return
    if (this.#takesTrailers)
      this.#response.addTrailers(sendableTrailers(rawTrailers ?? [], this.#hidden))
    this.#response.end()
  }

  breakOff(): void {
    breakOff(this.#request.httpVersion, this.#socket)
  }
}
