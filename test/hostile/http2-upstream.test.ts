import t, { type Test } from 'tap'
import type { Route } from '../../src/domain/route.ts'
import {
  answerFrames,
  END_HEADERS,
  END_STREAM,
  fields,
  frame,
  FRAME,
  number32,
  startHttp2Wire,
  type Frame,
  type WireConnection,
} from '../support/http2-wire.ts'
import { openRoute, startProxied } from '../support/proxied.ts'
import { ask, head, openRawSocket } from '../support/raw-socket.ts'

const HOST = 'Host: 127.0.0.1'
const GET = head('GET /x HTTP/1.1', HOST)
const POST = `${head('POST /x HTTP/1.1', HOST, 'Content-Length: 1')}a`
const TIMEOUTS = { connectMs: 5_000, headersMs: 400, idleMs: 400 }

type Manner = (connection: WireConnection, stream: number) => void

function over(origin: string, more: Partial<Route> = {}): Route {
  return openRoute('/*', origin, { upstream: { origin, basePath: '', http2: true }, ...more })
}

const opens = ({ type }: Frame): boolean => type === FRAME.headers

/** An upstream that does its worst at the first call and answers all later ones. */
async function startBad(t: Test, manner: Manner) {
  let callCount = 0
  const upstream = await startHttp2Wire(t, (connection, received) => {
    if (!opens(received)) return
    callCount += 1
    if (callCount === 1) manner(connection, received.stream)
    else connection.send(answerFrames(received.stream, 'fine'))
  })
  const proxied = await startProxied(t, [over(upstream.origin, { timeouts: TIMEOUTS })])
  return { upstream, ...proxied }
}

const OK = fields([':status', '200'])
const begin = (stream: number, ...pairs: readonly (readonly [string, string])[]): Buffer =>
  frame(FRAME.headers, END_HEADERS, stream, Buffer.concat([OK, fields(...pairs)]))
const data = (stream: number, text: string, flags = 0): Buffer =>
  frame(FRAME.data, flags, stream, text)
const repeat = (count: number, one: Buffer): Buffer => Buffer.concat(Array(count).fill(one))

/** Before anything of an answer was passed on: one refusal of ours, whatever the upstream did. */
const BEFORE_THE_HEAD: Readonly<Record<string, Manner>> = {
  'a head for a call that nobody made': ({ send }) => send(begin(999), data(999, 'secret')),
  'a pushed answer': ({ send }, stream) =>
    send(frame(FRAME.push, END_HEADERS, stream, Buffer.concat([number32(2), OK]))),
  'a head without a status': ({ send }, stream) =>
    send(frame(FRAME.headers, END_HEADERS, stream, fields(['x-a', 'b'])), data(stream, 'secret')),
  'two statuses': ({ send }, stream) =>
    send(
      frame(FRAME.headers, END_HEADERS, stream, Buffer.concat([OK, OK])),
      data(stream, 'secret'),
    ),
  'status 101': ({ send }, stream) =>
    send(frame(FRAME.headers, END_HEADERS, stream, fields([':status', '101']))),
  'status 999': ({ send }, stream) =>
    send(frame(FRAME.headers, END_HEADERS, stream, fields([':status', '999']))),
  'status OK': ({ send }, stream) =>
    send(frame(FRAME.headers, END_HEADERS, stream, fields([':status', 'OK!']))),
  'a name in capitals': ({ send }, stream) => send(begin(stream, ['X-A', 'b'])),
  'a field of the connection': ({ send }, stream) => send(begin(stream, ['connection', 'x-a'])),
  'a transfer coding': ({ send }, stream) => send(begin(stream, ['transfer-encoding', 'chunked'])),
  'a length that is no number': ({ send }, stream) => send(begin(stream, ['content-length', '1x'])),
  'two lengths': ({ send }, stream) =>
    send(begin(stream, ['content-length', '6'], ['content-length', '7']), data(stream, 'secret')),
  'a head that never ends': ({ send }, stream) =>
    send(
      frame(FRAME.headers, 0, stream, OK),
      repeat(2_000, frame(FRAME.continuation, 0, stream, fields(['x-a', 'b'.repeat(1_000)]))),
    ),
  'a flood of 102': ({ send }, stream) =>
    send(repeat(1_000, frame(FRAME.headers, END_HEADERS, stream, fields([':status', '102'])))),
  'too large a window': ({ send }) =>
    send(repeat(2, frame(FRAME.window, 0, 0, number32(2 ** 31 - 1)))),
  'GOAWAY with an error': ({ send }) =>
    send(frame(FRAME.goaway, 0, 0, Buffer.concat([number32(0), number32(1)]))),
  'the end of the connection': ({ socket }) => socket.end(),
  'a reset of the connection': ({ socket }) => socket.resetAndDestroy(),
}

for (const [name, manner] of Object.entries(BEFORE_THE_HEAD)) {
  t.test(`AT-30 HX-14 HX-16 over HTTP/2 ${name}: 502, and later calls are served`, async (t) => {
    const { port, finished } = await startBad(t, manner)
    const answer = await ask(t, port, POST)
    t.equal(answer.status, 502)
    t.notMatch(answer.head + answer.body, /secret|ERR_|nghttp2|127\.0\.0\.1:/i)
    t.match(await finished(), { status: 502 })
    t.equal((await ask(t, port, POST)).body, 'fine')
  })
}

/** What nghttp2 stops reading at. Node 20 tells nobody: the call runs into its time, and no later one does. */
const UNREADABLE: Readonly<Record<string, Manner>> = {
  'octets that are no frames': ({ socket }) => socket.write('HTTP/1.1 200 OK\r\n\r\nsecret'),
  'a frame of 16 MiB': ({ socket }) => socket.write(Buffer.from('ffffff000000000001', 'hex')),
  'data ahead of the head': ({ send }, stream) => send(data(stream, 'secret', END_STREAM)),
  'broken HPACK': ({ send }, stream) =>
    send(frame(FRAME.headers, END_HEADERS, stream, '\xff\xff\xff')),
}

for (const [name, manner] of Object.entries(UNREADABLE)) {
  t.test(
    `AT-30 HX-14 HX-16 over HTTP/2 ${name}: 502 or 504, and later calls are served`,
    async (t) => {
      const { port, finished, upstream } = await startBad(t, manner)
      const answer = await ask(t, port, POST)
      t.ok([502, 504].includes(answer.status), String(answer.status))
      t.notMatch(answer.head + answer.body, /secret|ERR_|nghttp2|127\.0\.0\.1:/i)
      t.match(await finished(), { status: answer.status })
      t.equal((await ask(t, port, POST)).body, 'fine')
      t.equal(upstream.connectionCount(), 2)
    },
  )
}

for (const value of ['b\r\nset-cookie: c=d', 'b\0c', 'b\nc']) {
  t.test(`HX-14 over HTTP/2 a field ${JSON.stringify(value)} goes no further`, async (t) => {
    const { port } = await startBad(t, ({ send }, stream) =>
      send(begin(stream, ['x-a', value]), data(stream, 'ok', END_STREAM)),
    )
    const answer = await ask(t, port, POST)
    t.equal(answer.header('x-a'), undefined)
    t.equal(answer.header('set-cookie'), undefined)
  })
}

/** Frames that cost the one who gets them more than the one who sends them; the call itself is never answered. */
const FLOODS: Readonly<Record<string, (stream: number) => Buffer>> = {
  SETTINGS: () =>
    frame(FRAME.settings, 0, 0, Buffer.concat([Buffer.from([0, 4]), number32(65_535)])),
  PING: () => frame(FRAME.ping, 0, 0, '12345678'),
  'WINDOW_UPDATE of one octet': (stream) => frame(FRAME.window, 0, stream, number32(1)),
  'frames of an unknown type': () => frame(0xbe, 0, 0, '12345678'),
}

for (const [name, flood] of Object.entries(FLOODS)) {
  t.test(`AT-30 a flood of ${name} ends with the call, and later calls are served`, async (t) => {
    const { port, finished } = await startBad(t, ({ send }, stream) =>
      send(repeat(20_000, flood(stream))),
    )
    const answer = await ask(t, port, POST)
    t.ok([502, 504].includes(answer.status), String(answer.status))
    t.match(await finished(), { status: answer.status })
    t.equal((await ask(t, port, POST)).body, 'fine')
  })
}

/** After the head went out only a broken connection can tell the client that this is not all. */
const INSIDE_THE_BODY: Readonly<Record<string, Manner>> = {
  'more octets than its length says': ({ send }, stream) =>
    send(
      begin(stream, ['content-length', '3']),
      data(stream, 'ab'),
      data(stream, 'cdef', END_STREAM),
    ),
  'fewer octets than its length says': ({ send }, stream) =>
    send(begin(stream, ['content-length', '9']), data(stream, 'abc', END_STREAM)),
  'a reset': ({ send }, stream) =>
    send(begin(stream), data(stream, 'abc'), frame(FRAME.reset, 0, stream, number32(2))),
  'a reset that says there was no error': ({ send }, stream) =>
    send(begin(stream), data(stream, 'abc'), frame(FRAME.reset, 0, stream, number32(0))),
  'the end of the connection': ({ send, socket }, stream) => {
    send(begin(stream), data(stream, 'abc'))
    socket.end()
  },
  'GOAWAY with an error': ({ send }, stream) =>
    send(
      begin(stream),
      data(stream, 'abc'),
      frame(FRAME.goaway, 0, 0, Buffer.concat([number32(stream), number32(11)])),
    ),
  'a second head': ({ send }, stream) => send(begin(stream), data(stream, 'abc'), begin(stream)),
  'trailers with a status': ({ send }, stream) =>
    send(
      begin(stream),
      data(stream, 'abc'),
      frame(FRAME.headers, END_HEADERS | END_STREAM, stream, OK),
    ),
  'padding that is longer than its frame': ({ send }, stream) =>
    send(begin(stream), data(stream, 'abc'), data(stream, '\xfe', 0x8)),
  'more than the window allows': ({ send }, stream) =>
    send(begin(stream), repeat(2_000, data(stream, 'x'.repeat(16_384)))),
  'empty frames without an end': ({ send }, stream) =>
    send(begin(stream), repeat(5_000, data(stream, ''))),
  silence: ({ send }, stream) => send(begin(stream), data(stream, 'abc')),
}

for (const [name, manner] of Object.entries(INSIDE_THE_BODY)) {
  t.test(
    `AT-30 HX-15 over HTTP/2 ${name}: nothing looks whole, later calls are served`,
    async (t) => {
      const { port, finished } = await startBad(t, manner)
      const client = await openRawSocket(t, port)
      client.socket.write(POST)
      if (name === 'more than the window allows') client.socket.pause()
      const closed = name === 'more than the window allows' ? finished() : client.rest()
      const received = await closed
      if (typeof received === 'string') {
        t.notMatch(received, /\r\n0\r\n\r\n$/, 'no end of chunks')
        const length = /^content-length: (\d+)/im.exec(received)?.[1]
        const body = received.slice(received.indexOf('\r\n\r\n') + 4)
        if (received.startsWith('HTTP/1.1 200') && length !== undefined)
          t.not(body.length, Number(length), 'shorter than its length')
      }
      t.equal((await ask(t, port, POST)).body, 'fine')
    },
  )
}

t.test('HX-17 GOAWAY: what it names as unseen is asked again if that is safe', async (t) => {
  const upstream = await startHttp2Wire(t, (connection, received) => {
    if (!opens(received)) return
    const { number, send } = connection
    if (number > 0 || received.stream === 1) return send(answerFrames(received.stream, `${number}`))
    send(frame(FRAME.goaway, 0, 0, Buffer.concat([number32(1), number32(0)])))
  })
  const { port } = await startProxied(t, [over(upstream.origin)])
  t.equal((await ask(t, port, GET)).body, '0')
  t.equal((await ask(t, port, GET)).body, '1', 'once more, on a new connection')
  t.equal(upstream.connectionCount(), 2)
})

t.test('HX-17 GOAWAY: a POST that it names as unseen is not', async (t) => {
  let callCount = 0
  const upstream = await startHttp2Wire(t, (connection, received) => {
    if (!opens(received)) return
    callCount += 1
    connection.send(frame(FRAME.goaway, 0, 0, Buffer.concat([number32(0), number32(0)])))
  })
  const { port } = await startProxied(t, [over(upstream.origin)])
  t.equal((await ask(t, port, POST)).status, 502)
  t.equal(callCount, 1)
})

t.test('HX-32 an answer with a reset behind it that asks for no more body', async (t) => {
  const { port } = await startBad(t, ({ send }, stream) =>
    send(answerFrames(stream, 'enough'), frame(FRAME.reset, 0, stream, number32(0))),
  )
  const client = await openRawSocket(t, port)
  client.write(head('POST /x HTTP/1.1', HOST, 'Content-Length: 100000') + 'a'.repeat(1_000))
  const answer = await client.next()
  t.match(answer, { status: 200, body: 'enough' })
  t.equal(answer.header('connection'), 'close')
  await client.closed
})
