import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** One answer as it came over the wire. */
export interface WireAnswer {
  readonly status: number
  /** Status line and fields, without the empty line. */
  readonly head: string
  /** Values of a field, in order. */
  header(name: string): string | undefined
  headers(name: string): string[]
  /** Decoded from chunks, octet for octet as latin1. */
  readonly body: string
  /** Raw trailer section of a chunked answer. */
  readonly trailers: string
}

export interface RawSocket {
  readonly socket: Socket
  write(bytes: string | Buffer): void
  /** The next answer, interim ones included; rejects when the connection ends inside it. */
  next(options?: { readonly method?: string }): Promise<WireAnswer>
  /** Resolves when there is anything to read. */
  some(): Promise<void>
  /** Resolves with everything not yet read when the other side has closed. */
  rest(): Promise<string>
  readonly closed: Promise<unknown>
}

interface Owner {
  teardown(close: () => unknown): unknown
}

/** A client that writes what it likes and reads answers one by one. */
export async function openRawSocket(t: Owner, port: number): Promise<RawSocket> {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  const inbox = createInbox(socket)
  return {
    socket,
    write: (bytes) => void socket.write(bytes, 'latin1'),
    next: async ({ method = 'GET' } = {}) => readAnswer(inbox, method),
    some: async () => {
      while (inbox.text === '') await moreOrFail(inbox)
    },
    rest: async () => {
      while (!inbox.ended) await inbox.more()
      return inbox.take(inbox.text.length)
    },
    closed,
  }
}

/** Sends one request on a fresh connection and reads one answer; interim answers come first in `interim`. */
export async function ask(
  t: Owner,
  port: number,
  bytes: string | Buffer,
): Promise<WireAnswer & { readonly interim: readonly WireAnswer[] }> {
  const client = await openRawSocket(t, port)
  client.write(bytes)
  const method = String(bytes.slice(0, 4)) === 'HEAD' ? 'HEAD' : 'GET'
  const interim: WireAnswer[] = []
  for (;;) {
    const answer = await client.next({ method })
    if (answer.status >= 200) {
      client.socket.destroy()
      return { ...answer, interim }
    }
    interim.push(answer)
  }
}

/** A request head from its lines. */
export function head(...lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`
}

interface Inbox {
  text: string
  ended: boolean
  more(): Promise<void>
  take(count: number): string
}

function createInbox(socket: Socket): Inbox {
  let wake: (() => void) | undefined
  const inbox: Inbox = {
    text: '',
    ended: false,
    more: () =>
      new Promise<void>((resolve) => {
        if (inbox.ended) return resolve()
        wake = resolve
      }),
    take: (count) => {
      const taken = inbox.text.slice(0, count)
      inbox.text = inbox.text.slice(count)
      return taken
    },
  }
  socket.on('data', (chunk: Buffer) => {
    inbox.text += chunk.toString('latin1')
    wake?.()
  })
  socket.on('close', () => {
    inbox.ended = true
    wake?.()
  })
  return inbox
}

async function readAnswer(inbox: Inbox, method: string): Promise<WireAnswer> {
  const headText = await takeThrough(inbox, '\r\n\r\n')
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(headText)?.[1] ?? Number.NaN)
  const headers = (name: string): string[] =>
    headText
      .split('\r\n')
      .slice(1)
      .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
      .map((line) => line.slice(name.length + 1).trim())
  const header = (name: string): string | undefined => headers(name)[0]
  const hasBody = method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304
  const { body, trailers } = hasBody ? await readBody(inbox, header) : { body: '', trailers: '' }
  return { status, head: headText.slice(0, -4), header, headers, body, trailers }
}

async function readBody(
  inbox: Inbox,
  header: (name: string) => string | undefined,
): Promise<{ body: string; trailers: string }> {
  const length = header('content-length')
  if (length !== undefined) return { body: await takeBytes(inbox, Number(length)), trailers: '' }
  if (header('transfer-encoding')?.toLowerCase() === 'chunked') return readChunks(inbox)
  while (!inbox.ended) await inbox.more()
  return { body: inbox.take(inbox.text.length), trailers: '' }
}

async function readChunks(inbox: Inbox): Promise<{ body: string; trailers: string }> {
  let body = ''
  for (;;) {
    const size = Number.parseInt(await takeThrough(inbox, '\r\n'), 16)
    if (size === 0) break
    body += await takeBytes(inbox, size)
    await takeBytes(inbox, 2)
  }
  let trailers = ''
  for (let line = ''; line !== '\r\n'; trailers += line) line = await takeThrough(inbox, '\r\n')
  return { body, trailers: trailers.slice(0, -2) }
}

async function takeThrough(inbox: Inbox, end: string): Promise<string> {
  while (!inbox.text.includes(end)) await moreOrFail(inbox)
  return inbox.take(inbox.text.indexOf(end) + end.length)
}

async function takeBytes(inbox: Inbox, count: number): Promise<string> {
  while (inbox.text.length < count) await moreOrFail(inbox)
  return inbox.take(count)
}

async function moreOrFail(inbox: Inbox): Promise<void> {
  if (inbox.ended)
    throw new Error(`the connection ended after: ${JSON.stringify(inbox.text.slice(0, 200))}`)
  await inbox.more()
}
