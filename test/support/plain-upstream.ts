import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Owner {
  teardown(close: () => unknown): unknown
}

/** A provider that refuses every connection: what routes without sign-in need. */
export const NO_PROVIDER = {
  issuer: 'http://127.0.0.1:9',
  clientId: 'x',
  clientSecret: 'y',
  allowInsecureHttp: true,
}

/** A gateway plan with one public and one protected route to the same upstream. */
export function openAndProtected(url: string) {
  return {
    provider: NO_PROVIDER,
    routes: [
      { path: '/open/*', upstream: url, access: 'public' },
      { path: '/api/*', upstream: url },
    ],
  }
}

/** An upstream that answers `up`, or whatever the handler says. */
export async function plainUpstream(
  t: Owner,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) =>
    void response.end('up'),
): Promise<{ readonly server: Server; readonly url: string }> {
  const server = createServer(onRequest)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
