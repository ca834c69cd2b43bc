import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:tls'
import t from 'tap'
import { serveAsPlainRequest } from '../../src/proxy/plain-request.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../support/loopback-certificate.ts'
import { head } from '../support/raw-socket.ts'

t.test('HX-20 W5 an upgrade over TLS is served as a plain request too', async (t) => {
  const server = createServer(
    { cert: LOOPBACK_CERTIFICATE, key: LOOPBACK_KEY },
    (request, response) => void response.end(`${request.url} ${request.headers.upgrade}`),
  )
  server.on('upgrade', (request, socket, rest) =>
    serveAsPlainRequest(server, request, socket, rest),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', ca: LOOPBACK_CERTIFICATE })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  for (const path of ['/first', '/second']) {
    socket.write(head(`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: Upgrade', 'Upgrade: foo/2'))
    const [answer] = await once(socket, 'data')
    t.match(String(answer), new RegExp(`^HTTP/1.1 200 OK[^]*${path} undefined$`))
  }
})
