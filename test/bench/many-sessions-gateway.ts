import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { fastify } from 'fastify'
import { parseConfig } from '../../src/config/load-config.ts'
import { createApp } from '../../src/gateway-app.ts'
import { createParts, type GatewayParts } from '../../src/gateway-parts.ts'
import { createCookieSeal } from '../../src/http/cookie-seal.ts'
import { deriveKeys } from '../../src/http/own-keys.ts'
import { cookieName } from '../../src/http/session-cookie.ts'
import { processTelemetry } from '../../src/commands/process-telemetry.ts'
import { CONNECTION_LIMITS } from '../../src/server/connection-limits.ts'
import { createPublicServer } from '../../src/server/public-server.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

/*
 * A gateway that already has sessions, as so many logins would have made them. Arguments: port, upstream, number of
 * logins, number of these that have not signed out, a file for their cookies.
 */
const [port = '0', upstream = '', logins = '0', kept = '0', cookieFile = ''] = process.argv.slice(2)
const LIFE_MS = 3_600_000
const AT_ONCE = 100

const text = JSON.stringify({
  publicUrl: `http://127.0.0.1:${port}`,
  provider: {
    issuer: 'http://127.0.0.1:9',
    clientId: 'bench',
    clientSecret: randomBytes(24).toString('base64url'),
    allowInsecureHttp: true,
  },
  session: { secrets: [randomBytes(32).toString('base64')] },
  routes: [{ path: '/*', upstream }],
})
const source = { env: {}, readFile: () => ({ wrong: 'no files here' }) }
const { config } = parseConfig(text, 'bench.yaml', source)
const metrics = createMetrics({ version: 'bench', routeIds: config.routes.map(({ id }) => id) })
const { emit } = processTelemetry(config, metrics)
const parts = await createParts(config, emit)
const { app } = await createApp(config, parts)
writeFileSync(cookieFile, (await cookiesOf(parts)).join('\n'))
const { server } = createPublicServer({
  limits: CONNECTION_LIMITS,
  onRequest: (request, response) => app.routing(request, response),
  onUpgrade: (_request, socket) => socket.destroy(),
  randomId: () => 'unparsed',
  onClientError: () => undefined,
})
server.listen(Number(port), '127.0.0.1')

async function cookiesOf({ sessions }: GatewayParts): Promise<string[]> {
  const lifetimes = { ticket: LIFE_MS, loginTransaction: 1, logoutState: 1, form: 1 }
  const seal = await createCookieSeal(fastify(), deriveKeys(config.session.secrets), lifetimes)
  const name = cookieName(config.publicUrl)
  const cookies: string[] = []
  for (let at = 0; at < Number(logins); at += AT_ONCE) {
    const size = Math.min(AT_ONCE, Number(logins) - at)
    const tickets = await Promise.all(
      Array.from({ length: size }, () => sessions.create(newSignIn(), undefined)),
    )
    for (const ticket of tickets) {
      const { id, key } = ticket
      if (cookies.length >= Number(kept)) await sessions.end(ticket, 'session_revoked')
      else cookies.push(`${name}=${encodeURIComponent(seal.seal('ticket', { id, key }))}`)
    }
  }
  return cookies
}

function newSignIn() {
  const nowMs = Date.now()
  return {
    issuer: 'http://127.0.0.1:9',
    subject: randomBytes(12).toString('hex'),
    claims: { name: 'Alice Example', email: 'alice@example.com' },
    refreshToken: randomBytes(32).toString('base64url'),
    accessToken: {
      target: '',
      value: randomBytes(900).toString('base64url'),
      obtainedAtMs: nowMs,
      expiresAtMs: nowMs + LIFE_MS,
    },
  }
}
