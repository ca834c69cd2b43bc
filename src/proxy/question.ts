import type { IncomingMessage } from 'node:http'

/** What the upstream is asked. */
export interface Question {
  readonly path: string
  readonly method: string
  readonly servername: string
  readonly headers: string[]
  readonly body: IncomingMessage | null
}
