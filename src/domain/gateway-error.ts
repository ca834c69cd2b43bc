import type { Reason } from './reason.ts'

/**
 * A technique failed. The reason is for machines and for the browser; the message and the cause are
 * for operators and never leave the process except into the log.
 */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly reason: Reason

  constructor(reason: Reason, message: string, options?: ErrorOptions) {
    super(message, options)
    this.reason = reason
  }
}
