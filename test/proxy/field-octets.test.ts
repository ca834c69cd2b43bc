import { once } from 'node:events'
import t from 'tap'
import { UPSTREAM_KINDS } from '../support/every-upstream.ts'
import {
  END_HEADERS,
  END_STREAM,
  fields,
  frame,
  FRAME,
  startHttp2Wire,
} from '../support/http2-wire.ts'
import { openRoute, startProxied } from '../support/proxied.ts'
import { ask, head, openRawSocket } from '../support/raw-socket.ts'
import { startRawUpstream } from '../support/raw-upstream.ts'

const HOST = 'Host: 127.0.0.1'
const GET = head('GET /x HTTP/1.1', HOST, 'TE: trailers', 'Connection: TE')
const NAME = 'attachment; filename="\xc3\xa9t\xe9\xff\x80.txt"' // UTF-8 and Latin-1, as servers write it
const FIELD = `content-disposition: ${NAME}`

/** Ways to frame an answer: each has its own way to the client. */
const FRAMINGS: Readonly<Record<string, readonly string[]>> = {
  'with a length': [head('HTTP/1.1 200 OK', FIELD, 'content-length: 2') + 'ok'],
  'with a length and nothing': [head('HTTP/1.1 200 OK', FIELD, 'content-length: 0')],
  'with a large body': [
    head('HTTP/1.1 200 OK', FIELD, 'content-length: 40000') + 'x'.repeat(40_000),
  ],
  'in chunks': [
    head('HTTP/1.1 200 OK', FIELD, 'transfer-encoding: chunked') + '2\r\nok\r\n0\r\n\r\n',
  ],
  'up to the end': [head('HTTP/1.1 200 OK', FIELD, 'connection: close') + 'ok', ''],
  'without content': [head('HTTP/1.1 204 No Content', FIELD)],
  'not modified': [head('HTTP/1.1 304 Not Modified', FIELD)],
}

for (const [name, [first, end]] of Object.entries(FRAMINGS)) {
  t.test(`HX-10 the octets of a field pass unchanged: an answer ${name}`, async (t) => {
    const upstream = await startRawUpstream(t, ({ socket }) => {
      if (end === undefined) socket.write(first ?? '', 'latin1')
      else socket.end(first ?? '', 'latin1')
    })
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    t.equal((await ask(t, port, GET)).header('content-disposition'), NAME)
    const old = await ask(t, port, head('GET /x HTTP/1.0', HOST))
    t.equal(old.header('content-disposition'), NAME, 'HTTP/1.0')
  })
}

t.test('HX-10 HX-19 the octets of a field pass unchanged: a head ahead of its body', async (t) => {
  const upstream = await startRawUpstream(t, ({ socket }) => {
    socket.write(head('HTTP/1.1 200 OK', FIELD, 'content-length: 2'), 'latin1')
  })
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const client = await openRawSocket(t, port)
  client.write(GET)
  await client.some()
  const { socket } = await upstream.request(0)
  socket.end('ok')
  const answer = await client.next()
  t.equal(answer.header('content-disposition'), NAME)
  t.equal(answer.body, 'ok')
})

t.test('HX-10 the octets of fields and trailers pass unchanged from HTTP/2', async (t) => {
  const upstream = await startHttp2Wire(t, ({ send }, { type, stream }) => {
    if (type !== FRAME.headers) return
    const begin = fields([':status', '200'], ['content-disposition', NAME])
    send(
      frame(FRAME.headers, END_HEADERS, stream, begin),
      frame(FRAME.data, 0, stream, 'ok'),
      frame(FRAME.headers, END_HEADERS | END_STREAM, stream, fields(['x-name', 'caf\xe9'])),
    )
  })
  const { origin } = upstream
  const route = openRoute('/*', origin, { upstream: { origin, basePath: '', http2: true } })
  const { port } = await startProxied(t, [route])
  const answer = await ask(t, port, GET)
  t.equal(answer.header('content-disposition'), NAME)
  t.equal(answer.trailers, 'x-name: caf\xe9\r\n')
})

for (const kind of UPSTREAM_KINDS) {
  t.test(`HX-10 the octets of a request’s field pass unchanged (${kind.name})`, async (t) => {
    const upstream = await kind.start(t, ({ response }) => void response.end('ok'))
    const route = openRoute('/*', upstream.upstream.origin, { upstream: upstream.upstream })
    const { port } = await startProxied(t, [route])
    const client = await openRawSocket(t, port)
    client.write(head('GET /x HTTP/1.1', HOST, `X-Name: ${NAME}`, 'Connection: close'))
    await once(client.socket, 'close')
    t.same((await upstream.call(0)).values('x-name'), [NAME])
  })
}
