import { request } from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

export interface ServerSentEvent {
  readonly event: string
  // oxlint-disable-next-line typescript/no-explicit-any -- tests read data of any shape
  readonly data: any
}

/** A page that listens with EventSource, without its reconnecting. */
export interface EventStreamReader {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** All text so far. */
  text(): string
  events(): ServerSentEvent[]
  /** The next event that nobody asked for yet; rejects when the stream ends before. */
  next(): Promise<ServerSentEvent>
  /** Resolves when the other side has ended it; rejects when it was cut. */
  readonly ended: Promise<void>
  close(): void
}

interface Owner {
  teardown(close: () => unknown): unknown
}

/** Opens an event stream; closed at the end of the test. */
export async function openEventStream(
  t: Owner,
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<EventStreamReader> {
  const asking = request(url, { headers, agent: false })
  t.teardown(() => asking.destroy())
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    asking.on('response', resolve).on('error', reject).end()
  })
  let text = ''
  let read = 0
  let wake = (): void => undefined
  const ended = new Promise<void>((resolve, reject) => {
    answer.on('end', resolve).on('error', reject)
  })
  ended.then(
    () => wake(),
    () => wake(),
  )
  answer.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    wake()
  })
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    text: () => text,
    events: () => parseEvents(text),
    next: async () => {
      while (parseEvents(text).length === read) {
        if (answer.readableEnded || answer.destroyed) throw new Error(`no more events:\n${text}`)
        await new Promise<void>((resolve) => (wake = resolve))
      }
      return parseEvents(text)[read++] as ServerSentEvent
    },
    ended,
    close: () => void asking.destroy(),
  }
}

function parseEvents(text: string): ServerSentEvent[] {
  const whole = text.slice(0, text.lastIndexOf('\n\n') + 2)
  return whole.split('\n\n').flatMap((block) => {
    const event = /^event: (.*)$/m.exec(block)?.[1]
    const data = /^data: (.*)$/m.exec(block)?.[1]
    return event === undefined ? [] : [{ event, data: JSON.parse(data ?? 'null') }]
  })
}
