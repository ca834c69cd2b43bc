import { createServer } from 'node:http'
import { serveProviderQuietly } from './quiet-provider.ts'
import { serveSampleApi } from './sample-api.ts'

/**
 * The demo's parts as processes of their own, for containers: `node build/src/demo/standalone.js
 * provider|api`. Settings come from the environment; docker-compose.yml shows them all.
 */
const [part] = process.argv.slice(2)
const server = createServer()
const port = Number(process.env['PORT'] ?? 0)

if (part === 'api') {
  serveSampleApi(server)
} else if (part === 'provider') {
  await serveProviderQuietly(server, {
    issuer: required('ISSUER'),
    gatewayUrl: required('GATEWAY_URL'),
    clientId: required('OIDC_CLIENT_ID'),
    clientSecret: required('OIDC_CLIENT_SECRET'),
    resource: required('RESOURCE'),
    accessTokenSeconds: Number(process.env['ACCESS_TOKEN_SECONDS'] ?? 120),
  })
} else {
  console.error('usage: standalone.js provider|api')
  process.exit(2)
}

server.listen(port, process.env['HOST'] ?? '127.0.0.1', () =>
  console.log(`${part} on port ${port}`),
)
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    server.close()
    server.closeAllConnections()
  })
}

function required(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`set ${name}`)
  return value
}
