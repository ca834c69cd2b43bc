/** What went wrong with a connection or a call, with a code of the kind that `upstreamFailure` reads. */
export class Http2Failure extends Error {
  override readonly name = 'Http2Failure'
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
