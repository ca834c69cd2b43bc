import { get } from 'node:http'
import { ConfigError } from '../config/config-error.ts'
import { adminOrigin } from './admin-origin.ts'
import { parseArguments, UsageError } from './arguments.ts'
import { EXIT, type CommandIo } from './command-io.ts'
import { configFile } from './config-file.ts'

const HELP = `Asks the admin listener of a running gateway whether it is ready.

Usage: bearergate healthcheck [--url URL | --config FILE] [--live]

  --url URL        what to ask; default http://127.0.0.1:9090/readyz
  --config FILE    take host and port of the admin listener from this file
  --live           ask whether the process lives, not whether it can serve
  -h, --help       this text

Exit codes: 0 ready, 1 not ready or not reachable, 2 wrong usage
`

const DEFAULT_ORIGIN = 'http://127.0.0.1:9090'
const TIMEOUT_MS = 3_000 // usual health checks give up after 5 s

/** For the image's HEALTHCHECK: the binary asks its own admin listener, so that no curl is needed. */
export async function runHealthcheck(args: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseArguments(args, {
    url: { type: 'string' },
    config: { type: 'string' },
    live: { type: 'boolean' },
  })
  if (values.help === true) return show(io)
  if (values.url !== undefined && values.config !== undefined) {
    throw new UsageError("give either '--url' or '--config', not both")
  }
  try {
    const origin =
      values.config === undefined ? DEFAULT_ORIGIN : await configuredOrigin(values.config, io)
    const status = await statusOf(values.url ?? `${origin}${values.live ? '/livez' : '/readyz'}`)
    io.stdout.write(status === 200 ? 'ready\n' : `not ready: status ${status}\n`)
    return status === 200 ? EXIT.ok : EXIT.failed
  } catch (error) {
    if (error instanceof UsageError) throw error
    io.stderr.write(`bearergate: ${explain(error)}\n`)
    return EXIT.failed
  }
}

function show(io: CommandIo): number {
  io.stdout.write(HELP)
  return EXIT.ok
}

async function configuredOrigin(file: string, io: CommandIo): Promise<string> {
  const { loadConfig } = await import('../config/load-config.ts')
  return adminOrigin(loadConfig(configFile(file, io), io.env).config.admin)
}

function statusOf(url: string): Promise<number> {
  if (!URL.canParse(url) || new URL(url).protocol !== 'http:') {
    throw new UsageError(`'${url}' is not an http:// address`)
  }
  return new Promise((resolve, reject) => {
    const request = get(url, { timeout: TIMEOUT_MS, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    request.on('error', reject)
  })
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  const code = (error as { code?: unknown }).code
  return `not reachable: ${typeof code === 'string' ? code : (error as Error).message}`
}
