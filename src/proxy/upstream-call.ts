import type { Dispatcher } from 'undici'
import type { Question } from './question.ts'
import type { TransferLine } from './transfer-line.ts'

type Abort = (error?: Error) => void

const MAX_INTERIM_ANSWERS = 16 // a flood of 1xx is an attack (AT-30)
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

/**
 * The upstream's half of an exchange: one question, put again at most once for each of two reasons.
 *
 * - Only a question that is idempotent and has no body is ever put again.
 * - Again after a lost connection: before any octet of an answer, on a connection that had served before (HX-17).
 * - Again after a refused token: with a newer one (RT-9). The first call is dropped: its error is nobody's business.
 */
export class UpstreamCall {
  /** Octets of an answer have come. */
  isAnswering = false
  askedAtMs = 0
  readonly #line: TransferLine
  #question: Question
  #abort: Abort | undefined
  #isRetried = false
  #isRefreshed = false
  #isDropping = false
  #bodyBytes = 0
  #interimCount = 0

  constructor(line: TransferLine, question: Question) {
    this.#line = line
    this.#question = question
  }

  get question(): Question {
    return this.#question
  }

  /** The call is being given up for another one. */
  get isDropping(): boolean {
    return this.#isDropping
  }

  /**
   * The upload waits for the client, not for the upstream: the server's own timeout covers that. A body that nobody reads yet
   * waits for a connection.
   */
  get awaitsClient(): boolean {
    const { body } = this.#question
    return body !== null && !body.complete && body.readableFlowing === true
  }

  /** The answer came before the end of the question. */
  get isAnsweredEarly(): boolean {
    const { body } = this.#question
    return body !== null && !body.complete
  }

  ask(handler: Dispatcher.DispatchHandler): void {
    this.askedAtMs = performance.now()
    this.#line.pool.dispatcher.dispatch(this.#question, handler)
  }

  askAgain(handler: Dispatcher.DispatchHandler): void {
    this.#isRetried = true
    this.ask(handler)
  }

  askWith(headers: string[], handler: Dispatcher.DispatchHandler): void {
    this.#isDropping = true
    this.abort()
    this.#isDropping = false
    this.#abort = undefined
    this.isAnswering = false
    this.#question = { ...this.#question, headers }
    this.ask(handler)
  }

  onConnect(abort: Abort): void {
    this.#abort = abort
  }

  /** False when the body has grown over its limit. */
  onBodySent(bytes: number): boolean {
    this.#bodyBytes += bytes
    return this.#bodyBytes <= this.#line.route.maxBodyBytes
  }

  /** False when there were too many, or it is none. */
  onInterim(status: number): boolean {
    this.#interimCount += 1
    return this.#interimCount <= MAX_INTERIM_ANSWERS && status >= 100
  }

  mayAskAgain(error: Error): boolean {
    if (this.#isRetried || this.isAnswering) return false
    return this.#isRepeatable() && this.#line.pool.wasReused(error)
  }

  /** True once, for a question that may be put again with another token. */
  takeRefresh(): boolean {
    if (this.#isRefreshed || !this.#isRepeatable()) return false
    this.#isRefreshed = true
    return true
  }

  abort(): void {
    this.#abort?.()
  }

  #isRepeatable(): boolean {
    return this.#question.body === null && IDEMPOTENT.has(this.#question.method)
  }
}
