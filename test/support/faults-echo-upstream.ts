import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the upstream says about the token it got. */
export interface Echo {
  readonly subject: string
  /** Names the token without being one. */
  readonly tokenId: string
}

interface Owner {
  teardown(close: () => unknown): unknown
}

/** An upstream that answers whose access token it was given: the oracle against mixed-up users. */
export async function startEchoUpstream(
  t: Owner,
): Promise<{ readonly origin: string; readonly server: Server }> {
  const server = createServer((request, response) => {
    request.resume()
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(echo(request.headers.authorization)))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { server, origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

function echo(authorization = ''): Echo {
  const payload = authorization.split('.')[1] ?? ''
  if (payload === '') return { subject: '', tokenId: '' }
  const { sub, jti } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as {
    sub: string
    jti: string
  }
  return { subject: sub, tokenId: jti }
}
