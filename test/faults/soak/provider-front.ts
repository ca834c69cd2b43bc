import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'

/** Makes a provider of test/support/openid-provider.ts slow, silent or broken. */
export interface ProviderFront {
  readonly front: (request: IncomingMessage, response: ServerResponse) => Promise<boolean>
  /** Takes requests and reads none until `thaw`. Who gives up meanwhile was never heard. */
  freeze(): void
  thaw(): void
  /** Every answer takes this much longer. */
  slowDown(delayMs: number): void
  /** Answers everything with this status; `undefined`: works again. */
  failWith(status: number | undefined): void
}

export function createProviderFront(): ProviderFront {
  let thawed: Promise<void> | undefined
  let thaw = (): void => {}
  let delayMs = 0
  let failure: number | undefined
  return {
    async front(request, response) {
      await thawed
      if (delayMs > 0) await pause(delayMs)
      if (request.socket.destroyed) return true
      if (failure === undefined) return false
      response.writeHead(failure, { 'content-type': 'text/html' }).end('<h1>out of order</h1>')
      return true
    },
    freeze() {
      thawed = new Promise((resolve) => (thaw = resolve))
    },
    thaw() {
      thawed = undefined
      thaw()
    },
    slowDown: (ms) => void (delayMs = ms),
    failWith: (status) => void (failure = status),
  }
}
