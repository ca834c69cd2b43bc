import { randomBytes } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBrowser } from '../support/browser-jar.ts'
import { providerSection } from '../support/gateway.ts'
import { signIn, startOpenIdProvider } from '../support/openid-provider.ts'
import { startScript, type MeasuredServer } from './servers.ts'

export interface SignedInGateway extends MeasuredServer {
  /** The Cookie header of somebody who went through the whole login. */
  readonly cookie: string
}

/** The gateway as its users run it, log and metrics included, with one person signed in. */
export async function startSignedInGateway(
  port: number,
  upstream: string,
  nodeOptions: readonly string[] = [],
): Promise<SignedInGateway> {
  const origin = `http://127.0.0.1:${port}`
  const provider = await startOpenIdProvider(undefined, { accessTokenSeconds: 3_600 })
  provider.registerGateway(origin)
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-bench-'))
  const file = join(folder, 'bearergate.yaml')
  const config = {
    publicUrl: origin,
    listen: { host: '127.0.0.1', port },
    admin: { host: '127.0.0.1', port: 0 },
    provider: providerSection(provider),
    session: { secrets: [randomBytes(32).toString('base64')] },
    routes: [{ path: '/*', upstream }],
  }
  await writeFile(file, JSON.stringify(config))
  const args = ['serve', '--config', file]
  const server = await startScript(
    'gateway, signed in',
    port,
    '../../src/main.js',
    args,
    nodeOptions,
  )
  const browser = createBrowser()
  const page = await signIn(browser, `${origin}/api/hello`)
  if (page.status !== 200) throw new Error(`the login ended with ${page.status}`)
  const cookie = [...browser.cookies(origin)].map(([name, value]) => `${name}=${value}`).join('; ')
  await browser.close()
  return { ...server, cookie }
}
