import type { Dispatcher } from 'undici'
import type { Reason } from '../domain/reason.ts'
import type { StepUp } from '../domain/step-up.ts'
import { answerHead, type UpstreamHead } from './answer-head.ts'
import { onCallerEnd } from './caller-end.ts'
import { ClientAnswer } from './client-answer.ts'
import { forgetClient, watchClient, type Leavable } from './client-connection.ts'
import type { ExchangeClient } from './exchange-client.ts'
import { finishedEvent, type Mishap } from './finished-event.ts'
import type { LiveTransfer } from './live-transfers.ts'
import { refusesToken, withNewerToken } from './refused-token.ts'
import { announcesEventStream, hasForeignCoding } from './response-framing.ts'
import { stepUpChallenge } from './step-up-challenge.ts'
import { octetsPassed } from './passed-octets.ts'
import type { Question } from './question.ts'
import type { TransferLine } from './transfer-line.ts'
import { turnAway } from './turn-away.ts'
import { UpstreamCall } from './upstream-call.ts'
import { upstreamFailure } from './upstream-failure.ts'
import { canStepUp, startUpstreamStepUp } from './upstream-step-up.ts'

/**
 * One request on its way through: undici calls it for the upstream's side, the watch and the client's connection for
 * the other. A class, and the callbacks undici 7 calls directly, because this is the one object per request that the
 * speed of the gateway hangs on: no closure, no listener and no promise in the ordinary case.
 *
 * Whatever the two sides do, and in whatever order (exchange-fuzz.test.ts):
 *
 * 1. It ends once, is told once and counts once; what comes after the end has no effect.
 * 2. The client gets one head and the upstream's octets in order. The answer looks whole only when the upstream's was;
 *    else the connection is broken, or a refusal of ours takes the place of an answer not yet begun.
 * 3. While the client has to drain, the upstream is held; it goes on when the client has drained, and not before.
 * 4. An end that does not come from the upstream aborts its call.
 */
export class Exchange implements Dispatcher.DispatchHandler, LiveTransfer, Leavable {
  activeTick = 0
  dueTick = 0
  endless = false
  previous: LiveTransfer | undefined
  next: LiveTransfer | undefined
  nextOfClient: Leavable | undefined

  readonly #line: TransferLine
  readonly #client: ExchangeClient
  readonly #call: UpstreamCall
  readonly #answer: ClientAnswer
  #resumeUpstream: (() => void) | undefined
  #answeredAtMs = 0
  #ended = false
  #forgetCaller: (() => void) | undefined

  constructor(line: TransferLine, client: ExchangeClient, question: Question) {
    this.#line = line
    this.#client = client
    this.#call = new UpstreamCall(line, question)
    this.#answer = new ClientAnswer(client.request.raw, client.reply.raw, line.responsePlan.hidden)
  }

  start(): void {
    this.#line.pool.calls += 1
    this.#line.transfers.add(this)
    if (this.#line.totalPatience > 0)
      this.dueTick = this.#line.transfers.tick + this.#line.totalPatience
    if (this.#answer.socket.destroyed) return this.onClientGone()
    watchClient(this.#answer.socket, this)
    this.#call.ask(this)
  }

  // The upstream's side

  onConnect(abort: (error?: Error) => void): void {
    if (this.#ended) return abort()
    this.#call.onConnect(abort)
    this.#answer.goOn(this.#call.question.body)
  }

  onBodySent(chunk: unknown): void {
    this.#stir()
    const { length } = chunk as Buffer
    octetsPassed(length)
    if (!this.#call.onBodySent(length)) this.#giveUp('body_too_large')
  }

  onResponseStarted(): void {
    this.#call.isAnswering = true
  }

  onHeaders(status: number, rawHeaders: Buffer[], resume: () => void, statusText: string): boolean {
    if (this.#ended) return false
    this.#stir()
    if (status < 200) return this.#onInterim(status, rawHeaders)
    if (status > 599 || hasForeignCoding(rawHeaders)) return this.#giveUp('upstream_protocol_error')
    if (refusesToken(status, rawHeaders) && this.#call.takeRefresh()) {
      const passOn = (): void => {
        this.onHeaders(status, rawHeaders, resume, statusText)
        resume()
      }
      this.#refresh(passOn).catch((cause: unknown) => this.#giveUp('internal_error', cause))
      return false
    }
    const stepUp = stepUpChallenge(status, rawHeaders)
    if (stepUp !== undefined && canStepUp(this.#line, this.#client, this.#call.question))
      return this.#stepUp(stepUp)
    this.#answeredAtMs = performance.now()
    this.#resumeUpstream = resume
    this.#begin({ status, rawHeaders, statusText })
    return true
  }

  onData(chunk: Buffer): boolean {
    if (this.#ended) return false
    this.#stir()
    octetsPassed(chunk.length)
    if (this.#answer.write(chunk)) return true
    this.#answer.onceDrained(() => this.#onDrain())
    return false
  }

  onComplete(rawTrailers: string[] | null): void {
    if (this.#ended) return
    if (this.#answer.isShort) return void this.#giveUp('upstream_protocol_error')
    this.#answer.finish(rawTrailers)
    this.#finish()
  }

  onError(error: Error): void {
    if (this.#ended || this.#call.isDropping) return
    if (this.#answer.isWhole) return this.onComplete(null) // undici takes the Content-Length of a 304 for a body that did not come
    if (this.#call.mayAskAgain(error)) return this.#call.askAgain(this)
    this.#giveUp(upstreamFailure(error, this.#call.isAnswering), error)
  }

  // The client's side

  onClientGone(): void {
    if (this.#ended) return
    this.#end()
    this.#client.reply.hijack()
    this.#emit({ clientLeft: true })
  }

  #onDrain(): void {
    this.#stir()
    if (!this.#ended) this.#resumeUpstream?.()
  }

  // The watch's side

  patienceTicks(): number {
    if (this.#answeredAtMs === 0) return this.#call.awaitsClient ? 0 : this.#line.headersPatience
    return this.endless && !this.#answer.isFull ? 0 : this.#line.idlePatience
  }

  onSilence(): void {
    // A client that reads nothing for so long holds a connection of the upstream (AT-28).
    if (this.#answer.isFull) this.#answer.socket.destroy()
    else this.#giveUp('upstream_timeout')
  }

  onOverdue(): void {
    this.#giveUp('upstream_timeout')
  }

  onTick(): void {
    this.#answer.flushHead()
  }

  endStream(): void {
    if (this.#ended) return
    this.#answer.finish(null)
    this.#finish()
  }

  #stir(): void {
    this.activeTick = this.#line.transfers.tick
  }

  #onInterim(status: number, rawHeaders: Buffer[]): boolean {
    if (!this.#call.onInterim(status)) return this.#giveUp('upstream_protocol_error')
    if (status === 103) this.#answer.hint(rawHeaders)
    return true
  }

  #begin(upstreamHead: UpstreamHead): void {
    const head = answerHead(this.#line, this.#client, this.#call, upstreamHead)
    this.#answer.begin(head)
    this.#client.reply.hijack()
    if (head.declaredBytes >= 0 || !announcesEventStream(upstreamHead.rawHeaders)) return
    this.endless = true
    this.dueTick = 0
    this.#forgetCaller = onCallerEnd(this.#line, this.#client, () => this.endStream())
  }

  /** RT-9: once, and `passOn` when no newer token is to be had. */
  async #refresh(passOn: () => void): Promise<void> {
    const { session } = this.#client
    const { headers } = this.#call.question
    const newer = await withNewerToken(this.#line, session, headers)
    if (this.#ended) return
    if (newer === undefined) return passOn()
    this.#call.askWith(newer, this)
  }

  #stepUp(stepUp: StepUp): false {
    this.#end()
    startUpstreamStepUp(this.#line, this.#client, stepUp)
    return false
  }

  /** Ends both sides for our own reason. Answers false: undici is to send no more. */
  #giveUp(reason: Reason, cause?: unknown): false {
    if (this.#ended) return false
    this.#end()
    if (!this.#answer.isBegun) {
      turnAway(this.#client.request, this.#client.reply, reason, { cause })
      return false
    }
    this.#emit({ reason, ...(cause === undefined ? {} : { cause }) })
    this.#answer.breakOff()
    return false
  }

  #finish(): void {
    this.#end()
    this.#emit()
  }

  #end(): void {
    this.#ended = true
    this.#line.pool.calls -= 1
    this.#line.transfers.remove(this)
    forgetClient(this.#answer.socket, this)
    this.#forgetCaller?.()
    this.#call.abort()
  }

  #emit(mishap?: Mishap): void {
    const { entrance, session, bearer } = this.#client
    const isAnswered = this.#answeredAtMs !== 0
    const event = finishedEvent(entrance, session, isAnswered ? this.#answer.status : 0)
    if (bearer?.subject !== undefined) {
      event.subject = bearer.subject
      event.issuer = bearer.issuer
    }
    if (isAnswered) event.upstreamMs = this.#answeredAtMs - this.#call.askedAtMs
    this.#line.emit(mishap === undefined ? event : { ...event, ...mishap })
  }
}
