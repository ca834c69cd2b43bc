import { randomBytes } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createBrowser } from '../support/browser-jar.ts'
import { providerSection } from '../support/gateway.ts'
import { signIn, startOpenIdProvider } from '../support/openid-provider.ts'
import { startScript, type MeasuredServer } from './servers.ts'

export interface SignedInGateway extends MeasuredServer {
  /** The Cookie header of somebody who went through the whole login. */
  readonly cookie: string
}

export interface SignedInGatewayOptions {
  readonly name?: string
  /** Keys of the configuration's `session`, beside its secret. */
  readonly session?: Readonly<Record<string, unknown>>
  /** Sections of the configuration, in place of ours. */
  readonly config?: Readonly<Record<string, unknown>>
  readonly nodeOptions?: readonly string[]
}

const LOGIN_ATTEMPTS = 20
const RETRY_MS = 250
const NOUNS =
  'orders invoices customers reports devices shipments contracts payments accounts products suppliers warehouses'
const PERMISSIONS = NOUNS.split(' ').flatMap((noun) => [`read:${noun}`, `write:${noun}`])

/** Bring the JWT access token to about 1.2 KB. */
export const TOKEN_CLAIMS = { permissions: PERMISSIONS }

/** The gateway as its users run it, log and metrics included, with one person signed in. */
export async function startSignedInGateway(
  port: number,
  upstream: string,
  options: SignedInGatewayOptions = {},
): Promise<SignedInGateway> {
  const { name = 'gateway, signed in', nodeOptions = [] } = options
  const origin = `http://127.0.0.1:${port}`
  const provider = await startOpenIdProvider(undefined, {
    accessTokenSeconds: 3_600,
    accessTokenClaims: TOKEN_CLAIMS,
  })
  provider.registerGateway(origin)
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-bench-'))
  const file = join(folder, 'bearergate.yaml')
  const config = {
    publicUrl: origin,
    listen: { host: '127.0.0.1', port },
    admin: { host: '127.0.0.1', port: 0 },
    provider: providerSection(provider),
    session: { secrets: [randomBytes(32).toString('base64')], ...options.session },
    routes: [{ path: '/*', upstream }],
    ...options.config,
  }
  await writeFile(file, JSON.stringify(config))
  const args = ['serve', '--config', file]
  const server = await startScript(name, port, '../../src/main.js', args, nodeOptions)
  const browser = createBrowser()
  let page = await signIn(browser, `${origin}/api/hello`)
  for (let attempt = 0; page.status === 503 && attempt < LOGIN_ATTEMPTS; attempt++) {
    await pause(RETRY_MS) // it listens before it has found the provider
    page = await signIn(browser, `${origin}/api/hello`)
  }
  if (page.status !== 200) throw new Error(`the login ended with ${page.status}`)
  const cookie = [...browser.cookies(origin)].map(([name, value]) => `${name}=${value}`).join('; ')
  await browser.close()
  return { ...server, cookie }
}
