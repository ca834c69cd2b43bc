/** What the upstream answers with; `declaredBytes` -1: the end will tell. */
export interface ModelHead {
  readonly status: number
  readonly headers: readonly string[]
  readonly declaredBytes: number
  readonly refusedAs?: 'upstream_protocol_error'
  readonly endless?: true
}

/** How an exchange ended. */
export type ModelOutcome =
  | { readonly kind: 'whole' }
  | { readonly kind: 'left' }
  | { readonly kind: 'broken' | 'refused'; readonly reason: string }

/**
 * What an exchange is, in as few words as possible: the reference that the real one is compared with. No sockets, no
 * callbacks, no speed.
 */
export class ExchangeModel {
  head: ModelHead | undefined
  outcome: ModelOutcome | undefined
  body = Buffer.alloc(0)
  hints = 0
  isAskedAgain = false
  #isAnswering = false
  #interims = 0
  #uploaded = 0
  readonly #request: { readonly method: string; readonly maxBodyBytes: number }

  constructor(request: { readonly method: string; readonly maxBodyBytes: number }) {
    this.#request = request
  }

  uploaded(bytes: number): void {
    this.#uploaded += bytes
    if (this.#uploaded > this.#request.maxBodyBytes) this.#giveUp('body_too_large')
  }

  interim(status: number): void {
    this.#isAnswering = true
    this.#interims += 1
    if (status < 100 || this.#interims > 16) this.#giveUp('upstream_protocol_error')
    else if (status === 103) this.hints += 1
  }

  answered(head: ModelHead): void {
    this.#isAnswering = true
    if (head.refusedAs !== undefined) return this.#giveUp(head.refusedAs)
    this.head = head
  }

  got(chunk: Buffer): void {
    this.body = Buffer.concat([this.body, chunk])
  }

  completed(): void {
    this.#end({ kind: 'whole' })
  }

  failed(onReusedConnection: boolean): 'asks again' | 'ends' {
    const isRepeatable = this.#request.method !== 'POST'
    if (this.head?.declaredBytes === this.body.length) this.#end({ kind: 'whole' })
    else if (onReusedConnection && isRepeatable && !this.isAskedAgain && !this.#isAnswering) {
      this.isAskedAgain = true
      return 'asks again'
    } else this.#giveUp(this.#isAnswering ? 'upstream_protocol_error' : 'upstream_unreachable')
    return 'ends'
  }

  left(): void {
    this.#end({ kind: 'left' })
  }

  silent(): void {
    this.#giveUp('upstream_timeout')
  }

  shutDown(): void {
    if (this.head?.endless === true) this.#end({ kind: 'whole' })
  }

  #giveUp(reason: string): void {
    this.#end({ kind: this.head === undefined ? 'refused' : 'broken', reason })
  }

  #end(outcome: ModelOutcome): void {
    this.outcome ??= outcome
  }
}
