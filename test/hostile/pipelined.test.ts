import { once } from 'node:events'
import t, { type Test } from 'tap'
import { openRoute, startProxied } from '../support/proxied.ts'
import { ask, head, openRawSocket } from '../support/raw-socket.ts'
import { answerOf, startRawUpstream } from '../support/raw-upstream.ts'

const HOST = 'Host: 127.0.0.1'
const get = (path: string, ...fields: string[]) => head(`GET ${path} HTTP/1.1`, HOST, ...fields)
const post = (path: string, coding: string) => head(`POST ${path} HTTP/1.1`, HOST, coding)
const GARBAGE = 'GARBAGE\r\n\r\n'

/** An upstream that has served before, so that a call reaches it at once. */
async function startWarm(t: Test) {
  const upstream = await startRawUpstream(
    t,
    ({ head, socket }) => void socket.write(answerOf(head.split(' ')[1] ?? '')),
  )
  const proxied = await startProxied(t, [openRoute('/*', upstream.origin)])
  await ask(t, proxied.port, get('/warm'))
  const paths = () => upstream.requests.slice(1).map(({ head }) => head.split(' ')[1])
  return { paths, ...proxied }
}

/** What comes behind requests; the statuses and bodies that the client reads until the connection ends. */
const BEHIND: readonly (readonly [string, string, readonly string[]])[] = [
  ['garbage', get('/a') + GARBAGE, ['200 /a', '400']],
  ['garbage behind two', get('/a') + get('/b') + GARBAGE, ['200 /a', '200 /b', '400']],
  ['a field that is none', get('/a') + get('/b', 'X Y: z'), ['200 /a', '400']],
  ['a request behind the last one', get('/a', 'Connection: close') + get('/b'), ['200 /a']],
  ['garbage behind the last one', get('/a', 'Connection: close') + GARBAGE, ['200 /a']],
  ['a request behind HTTP/1.0', `${head('GET /a HTTP/1.0')}${get('/b')}`, ['200 /a']],
  [
    'a line end behind the last body, as old clients send it',
    `${head('POST /a HTTP/1.1', HOST, 'Connection: close', 'Content-Length: 3')}abc\r\n`,
    ['200 /a'],
  ],
]

for (const [name, bytes, expected] of BEHIND) {
  t.test(`HX-30 ${name}: every request gets its own answer, in order`, async (t) => {
    const { port } = await startWarm(t)
    const client = await openRawSocket(t, port)
    client.write(bytes)
    const answers: string[] = []
    for (let left = expected.length; left > 0; left--) {
      const { status, body } = await client.next()
      answers.push(status === 200 ? `200 ${body}` : String(status))
    }
    t.same(answers, expected)
    t.equal(await client.rest(), '', 'and the connection ends')
  })
}

for (const behind of [GARBAGE, head('CONNECT a:1 HTTP/1.1', 'Host: a:1')]) {
  t.test(`HX-15 HX-30 ${JSON.stringify(behind)} puts no words into an answer`, async (t) => {
    const upstream = await startRawUpstream(t, ({ head, socket }) => {
      if (head.startsWith('GET /a'))
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf')
    })
    const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
    const client = await openRawSocket(t, port)
    client.write(get('/a'))
    await client.some()
    client.write(get('/b'))
    await upstream.request(1)
    client.write(behind)
    t.match(await client.rest(), /\r\n\r\nhalf$/)
  })
}

t.test('HX-6 a bad chunk is the answer to its own request alone', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined)
  const { port } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const client = await openRawSocket(t, port)
  client.write(get('/a') + post('/b', 'Transfer-Encoding: chunked'))
  await upstream.request(0)
  client.write('zz\r\n')
  t.equal(await client.rest(), '', 'as a word of ours would answer the first')
})

/** Framing that is refused with the end of the connection: what lies behind it is nobody's request (RFC 9112 §9.6). */
const LAST_WORDS: Readonly<Record<string, string>> = {
  'another coding beneath the chunks': post('/x', 'Transfer-Encoding: gzip, chunked'),
  'an empty coding ahead of the chunks': post('/x', 'Transfer-Encoding: ,chunked'),
  'a coding that is not chunked': post('/x', 'Transfer-Encoding: identity'),
  'a coding in quotes': post('/x', 'Transfer-Encoding: "chunked"'),
  'no coding': post('/x', 'Transfer-Encoding:'),
  'a coding with a letter above ASCII': post('/x', 'Transfer-Encoding: \x85chunked'),
  'chunks in HTTP/1.0': head(
    'POST /x HTTP/1.0',
    HOST,
    'Connection: keep-alive',
    'Transfer-Encoding: chunked',
  ),
}

for (const [name, bytes] of Object.entries(LAST_WORDS)) {
  t.test(`HX-6 AT-16 ${name}: one 400, and nothing behind it goes anywhere`, async (t) => {
    const { port, paths } = await startWarm(t)
    const client = await openRawSocket(t, port)
    client.write(`${bytes}0\r\n\r\n${get('/smuggled')}`)
    t.match(await client.rest(), /^HTTP\/1\.1 400 (?![^]*HTTP\/1\.1)/)
    await ask(t, port, get('/next'))
    t.same(paths(), ['/next'])
  })
}

for (const expectation of ['200-ok', '', '100-continue;a', '100-continue, 100-continue']) {
  t.test(`HX-11 after 417 for ${JSON.stringify(expectation)} nothing is a request`, async (t) => {
    const { port, paths } = await startWarm(t)
    const client = await openRawSocket(t, port)
    client.write(head('POST /x HTTP/1.1', HOST, `Expect: ${expectation}`, 'Content-Length: 60'))
    const answer = await client.next()
    t.equal(answer.status, 417)
    t.equal(answer.header('connection'), 'close')
    client.write(get('/smuggled'))
    await client.closed
    t.same(paths(), [])
  })
}

for (const version of ['HTTP/2.0', 'HTTP/0.9', 'HTTP/1.2', 'HTTP/3.0', 'http/1.1', 'HTTP/1.10']) {
  t.test(`HX-6 a version ${version} is 400`, async (t) => {
    const { port, paths } = await startWarm(t)
    const client = await openRawSocket(t, port)
    client.write(head(`GET /x ${version}`, HOST))
    t.equal((await client.next()).status, 400)
    await client.closed
    t.same(paths(), [])
  })
}

for (const line of [
  'DESCRIBE /x RTSP/1.0',
  'GET_PARAMETER /x RTSP/1.0',
  'SOURCE /x ICE/1.0',
  'CONNECT a:1 HTTP/1.1',
]) {
  t.test(`HX-9 AT-12 ${line} is 405 with Allow`, async (t) => {
    const { port, paths } = await startWarm(t)
    const client = await openRawSocket(t, port)
    client.write(head(line, HOST))
    const answer = await client.next()
    t.equal(answer.status, 405)
    t.match(answer.header('allow'), /^GET, HEAD, POST/)
    await client.closed
    t.same(paths(), [])
  })
}

t.test(
  'HX-29 HX-20 an HTTP/1.0 client that asks for h2c gets its answer and the end',
  async (t) => {
    const { port } = await startWarm(t)
    const client = await openRawSocket(t, port)
    client.write(head('GET /a HTTP/1.0', HOST, 'Connection: Upgrade', 'Upgrade: h2c'))
    const answer = await client.next()
    t.match(answer, { status: 200, body: '/a' })
    t.equal(answer.header('connection'), 'close')
    await client.closed
  },
)

t.test('HX-18 a client that shuts its side down has left, like one that closes', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined)
  const { port, finished } = await startProxied(t, [openRoute('/*', upstream.origin)])
  const client = await openRawSocket(t, port)
  client.write(get('/a'))
  const { socket } = await upstream.request(0)
  client.socket.end()
  await Promise.all([once(socket, 'close'), client.closed])
  t.match(await finished(), { clientLeft: true })
})

for (const line of ['CONNECT a:1 HTTP/1.1', 'GET /x HTTP/1.1']) {
  t.test(`ER-12 HX-9 ${line} with a reset behind it is nobody’s failure`, async (t) => {
    const { port } = await startWarm(t)
    const upgrade = ['Connection: Upgrade', 'Upgrade: websocket', ...Array(120).fill('X: y')]
    for (let call = 0; call < 100; call++) {
      const client = await openRawSocket(t, port)
      client.write(head(line, HOST, ...(call % 2 === 0 ? [] : upgrade)))
      if (call % 3 === 0) await client.some()
      client.socket.resetAndDestroy()
    }
    t.equal((await ask(t, port, get('/fine'))).status, 200)
  })
}
