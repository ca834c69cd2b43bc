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
const MAX_BODY = 65_536

interface Answer {
  readonly status: number
  readonly body: string
}

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
    const answer = await answerOf(values.url ?? `${origin}${values.live ? '/livez' : '/readyz'}`)
    const isReady = answer.status === 200
    io.stdout.write(isReady ? 'ready\n' : `not ready: ${reasonOf(answer)}\n`)
    return isReady ? EXIT.ok : EXIT.failed
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

function answerOf(url: string): Promise<Answer> {
  if (!URL.canParse(url) || new URL(url).protocol !== 'http:') {
    throw new UsageError(`'${url}' is not an http:// address`)
  }
  return new Promise((resolve, reject) => {
    const request = get(url, { timeout: TIMEOUT_MS, agent: false }, (response) => {
      const answer = { status: response.statusCode ?? 0, body: '' }
      response.setEncoding('utf8').on('data', (part: string) => {
        answer.body += part
        if (answer.body.length > MAX_BODY) response.destroy()
      })
      response.on('error', () => undefined).on('close', () => resolve(answer))
    })
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`)))
    request.on('error', reject)
  })
}

/** The checks that fail, by their names in `/readyz`; the status where the answer names none. */
function reasonOf({ status, body }: Answer): string {
  const failing = [...body.matchAll(/"([\w:.-]+)":\[\{"status":"fail"/g)].map(([, name]) => name)
  return failing.length === 0 ? `status ${status}` : `${failing.join(', ')} (status ${status})`
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message
  const code = (error as { code?: unknown }).code
  return `not reachable: ${typeof code === 'string' ? code : (error as Error).message}`
}
