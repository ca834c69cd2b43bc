import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener, ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { setImmediate } from 'node:timers/promises'
import type { AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import { createBoundedFetch } from '../../src/oidc/bounded-fetch.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../support/loopback-certificate.ts'
import type { Owner } from './login-fixture.ts'

async function serve(t: Owner, listener: RequestListener, timeoutMs = 5_000) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const http = createBoundedFetch({ timeoutMs })
  t.teardown(async () => {
    await http.close()
    server.closeAllConnections()
    server.close()
  })
  return {
    fetch: http.fetch,
    close: http.close,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
  }
}

t.test('AT-27 TK-13 the size counts after decompression', async (t) => {
  const bomb = gzipSync(Buffer.alloc(20_000_000))
  const { fetch, url } = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb)
  })
  await t.rejects(fetch(url), GatewayError)
})

t.test('a small compressed answer is read, though none was asked for', async (t) => {
  const { fetch, url } = await serve(t, (request, response) => {
    response.setHeader('x-asked', String(request.headers['accept-encoding']))
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('small'))
  })
  const answer = await fetch(url)
  t.equal(await answer.text(), 'small')
  t.equal(answer.headers.get('x-asked'), 'identity')
})

t.test('TK-13 the deadline covers the body', async (t) => {
  const { fetch, url } = await serve(
    t,
    (_request, response) => {
      response.writeHead(200).write('x')
    },
    200,
  )
  await t.rejects(fetch(url), { name: 'TimeoutError' })
})

t.test('TK-13 the configured deadline ends a call, and one that has longer goes on', async (t) => {
  const waiting = new Set<ServerResponse>()
  const patient = await serve(t, (_request, response) => void waiting.add(response), 10_000)
  const strict = createBoundedFetch({ timeoutMs: 200 })
  t.teardown(() => strict.close())
  const longer = patient.fetch(patient.url)
  while (waiting.size === 0) await setImmediate()
  await t.rejects(strict.fetch(patient.url), { name: 'TimeoutError' })
  for (const response of waiting) response.end('late')
  t.equal(await (await longer).text(), 'late')
})

t.test('RT-3 an answer that came while this process was stopped is read, not lost', async (t) => {
  const server = new Worker(
    `const { parentPort } = require('node:worker_threads')
    const server = require('node:http').createServer((request, response) => {
      parentPort.postMessage('asked')
      setTimeout(() => response.end('tokens'), 50)
    })
    server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port))`,
    { eval: true },
  )
  const http = createBoundedFetch({ timeoutMs: 400 })
  t.teardown(() => Promise.all([http.close(), server.terminate()]))
  const [port] = (await once(server, 'message')) as [number]
  const asked = once(server, 'message')
  const answer = http.fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'refresh' })
  await asked
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000)
  t.equal(await (await answer).text(), 'tokens')
})

t.test('TK-13 RL-5 at most 16 calls at a time', async (t) => {
  let now = 0
  let most = 0
  const { fetch, url } = await serve(t, (_request, response) => {
    now += 1
    most = Math.max(most, now)
    setTimeout(() => {
      now -= 1
      response.end('x')
    }, 20)
  })
  await Promise.all(Array.from({ length: 60 }, () => fetch(url)))
  t.equal(most, 16)
})

t.test('answers without a body, and those with an impossible status', async (t) => {
  let status = 204
  const { fetch, url } = await serve(t, (_request, response) => response.writeHead(status).end())
  t.equal((await fetch(url)).status, 204)
  status = 999
  await t.rejects(fetch(url), GatewayError)
})

t.test('closing ends what is under way', async (t) => {
  const { fetch, url, close } = await serve(t, () => undefined)
  const call = fetch(url)
  call.catch(() => undefined)
  await close()
  await t.rejects(call)
})

t.test(
  'CF-5 the certificate of the provider is verified, against a configured authority where there is one',
  async (t) => {
    const server = createSecureServer(
      { cert: LOOPBACK_CERTIFICATE, key: LOOPBACK_KEY },
      (_request, response) => response.end('secure'),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`
    const strict = createBoundedFetch({ timeoutMs: 5_000 })
    const told = createBoundedFetch({
      timeoutMs: 5_000,
      certificateAuthority: LOOPBACK_CERTIFICATE,
    })
    t.teardown(async () => {
      await Promise.all([strict.close(), told.close()])
      server.close()
    })
    await t.rejects(strict.fetch(url), TypeError)
    t.equal(await (await told.fetch(url)).text(), 'secure')

    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
    t.teardown(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'])
    await t.rejects(strict.fetch(url), TypeError, 'whatever the environment says')
  },
)

t.test('a refused connection near the deadline stays a refused connection', async (t) => {
  const { fetch, url } = await serve(t, () => undefined, 100)
  const free = new URL(url)
  free.port = '9'
  await t.rejects(fetch(free.href), TypeError)
})
