import type { IncomingMessage } from 'node:http'

/** One answer of the admin listener, complete. */
export interface Answer {
  readonly status: number
  readonly type: string
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What is found at one exact path. */
export interface Page {
  readonly methods: readonly string[]
  readonly answer: (request: IncomingMessage) => Promise<Answer>
}

export function plain(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body }
}
