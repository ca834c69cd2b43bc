import { eventStory } from '../demo/event-story.ts'
import { isFree, freePort } from '../demo/free-port.ts'
import type { Demo } from '../demo/demo.ts'
import { readVersion } from '../version.ts'
import { parseArguments, UsageError } from './arguments.ts'
import { EXIT, type CommandIo } from './command-io.ts'
import { awaitProcessEnd } from './process-end.ts'

const DEFAULT_PORT = 8080
const DEFAULT_TOKEN_SECONDS = 120

const HELP = `Starts an OpenID provider, a sample API and the gateway between them, all on this machine.

Usage: bearergate demo [--port PORT] [--token-seconds N]

  --port PORT          the gateway's port; default ${DEFAULT_PORT}, or any free one if that is taken
  --token-seconds N    life of an access token; default ${DEFAULT_TOKEN_SECONDS}, so that you can watch refreshes
  -h, --help           this text

Everything listens on loopback and is forgotten when you press Ctrl-C.
`

/** Runs the demo until Ctrl-C; answers the exit code. */
export async function runDemo(args: readonly string[], io: CommandIo): Promise<number> {
  const { values } = parseArguments(args, {
    port: { type: 'string' },
    'token-seconds': { type: 'string' },
  })
  if (values.help === true) {
    io.stdout.write(HELP)
    return EXIT.ok
  }
  const accessTokenSeconds = positive('token-seconds', values['token-seconds'])
  const port = await gatewayPort(positive('port', values.port), io)
  if (port === undefined) return EXIT.failed
  const ending = awaitProcessEnd(io.signal, (cause) => io.stderr.write(`${String(cause)}\n`))
  try {
    const demo = await start(port, accessTokenSeconds ?? DEFAULT_TOKEN_SECONDS, io)
    if (demo === undefined) return EXIT.failed
    io.stdout.write(welcome(demo))
    const { exitCode } = await ending.ended
    io.stdout.write('\nstopping …\n')
    await demo.close()
    return exitCode
  } finally {
    ending.stop()
  }
}

function positive(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (Number.isInteger(number) && number > 0 && number < 65_536) return number
  throw new UsageError(`--${name} is a whole number from 1 to 65535, not '${text}'`)
}

async function gatewayPort(wish: number | undefined, io: CommandIo): Promise<number | undefined> {
  if (wish === undefined) {
    const port = await freePort(DEFAULT_PORT)
    if (port !== DEFAULT_PORT) io.stdout.write(`Port ${DEFAULT_PORT} is taken, using ${port}.\n`)
    return port
  }
  if (await isFree(wish)) return wish
  io.stderr.write(
    `bearergate: port ${wish} is taken or forbidden; leave --port out for a free one\n`,
  )
  return undefined
}

async function start(
  port: number,
  accessTokenSeconds: number,
  io: CommandIo,
): Promise<Demo | undefined> {
  try {
    const { startDemo } = await import('../demo/demo.ts')
    const onEvent: Parameters<typeof startDemo>[0]['onEvent'] = (event) => {
      const story = eventStory(event)
      if (story !== undefined) io.stdout.write(`  ${story}\n`)
    }
    return await startDemo({ port, accessTokenSeconds, version: readVersion(), onEvent })
  } catch (error) {
    if (!isMissingProvider(error)) throw error
    io.stderr.write(
      'bearergate: the demo needs the package oidc-provider, which production installations leave out\n' +
        'Install it with: npm install --no-save oidc-provider@9\n',
    )
    return undefined
  }
}

function isMissingProvider(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as { code?: unknown }
  return code === 'ERR_MODULE_NOT_FOUND' && error.message.includes("'oidc-provider'")
}

function welcome(demo: Demo): string {
  return `
Open in a browser        ${demo.gatewayUrl}/
  sign in under any name, call the API, watch the token being refreshed, sign out

Or with curl
  a visitor, refused     curl -i ${demo.gatewayUrl}/api/me
  a public route         curl -i ${demo.gatewayUrl}/public/hello
  the API without us     curl -i ${demo.apiUrl}/api/me
  is the gateway ready   curl -i ${demo.adminUrl}/readyz
  what it counted        curl -s ${demo.adminUrl}/metrics

Provider                 ${demo.providerUrl}
Gateway configuration    ${demo.configFile}
Gateway log (JSON)       ${demo.logFile}

Ctrl-C stops everything. What the gateway does:

`
}
