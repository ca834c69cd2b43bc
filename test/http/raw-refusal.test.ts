import { once } from 'node:events'
import { createServer } from 'node:http'
import net, { type AddressInfo } from 'node:net'
import t from 'tap'
import { parseTrustedProxies } from '../../src/domain/client-address.ts'
import { buildRouteTable } from '../../src/domain/route-table.ts'
import { entranceOf, siteOf } from '../../src/http/entrance.ts'
import { createHostRule } from '../../src/http/host-rule.ts'
import { refuseSocket } from '../../src/http/raw-refusal.ts'
import { createDoor } from '../../src/http/target-door.ts'

const publicUrl = new URL('https://app.example.com')

t.test('a refused upgrade is answered in full on its bare socket', async (t) => {
  const door = createDoor({
    site: siteOf(publicUrl),
    routes: buildRouteTable([]),
    hosts: createHostRule(publicUrl, []),
    trustedProxies: parseTrustedProxies([]),
  })
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  let noted: unknown
  server.on('upgrade', (request, socket) => {
    door(request)
    refuseSocket(socket, 'no_session', request)
    noted = entranceOf(request).reason
  })
  await once(server, 'listening')
  const socket = net.connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(
    'GET /ws HTTP/1.1\r\nHost: app.example.com\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
  )
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await once(socket, 'close')
  const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n')
  t.match(head, /^HTTP\/1\.1 401 Unauthorized\r\n/)
  t.match(head, /www-authenticate: Bearer\r\n/)
  t.match(head, /connection: close/)
  t.match(head, `content-length: ${body.length}`)
  t.match(JSON.parse(body), {
    reason: 'no_session',
    login_url: 'https://app.example.com/oauth2/login',
  })
  t.equal(noted, 'no_session')
})
