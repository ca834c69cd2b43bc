import type { Server } from 'node:http'
import type { DemoProviderOptions } from './openid-provider.ts'

/**
 * Serves the demo provider without the notices its library prints for production use (memory
 * storage, older Node): true, and beside the point here.
 *
 * @throws Error ERR_MODULE_NOT_FOUND: oidc-provider, a development package, is not installed
 */
export async function serveProviderQuietly(
  server: Server,
  options: DemoProviderOptions,
): Promise<void> {
  const { info, warn } = console
  console.info = console.warn = () => undefined
  try {
    const { serveDemoProvider } = await import('./openid-provider.ts')
    await serveDemoProvider(server, options)
  } finally {
    Object.assign(console, { info, warn })
  }
}
