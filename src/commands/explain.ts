import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError, formatDiagnostic } from '../config/config-error.ts'
import { loadConfig, type LoadedFile } from '../config/load-config.ts'
import { parseArguments, UsageError } from './arguments.ts'
import { EXIT, type CommandIo } from './command-io.ts'
import { configFile, shortName } from './config-file.ts'
import { explainedRequest } from './explain/explained-request.ts'
import { explain } from './explain/explanation.ts'
import { explanationText } from './explain/explanation-text.ts'

const HELP = `Says what the gateway would do with a request, and why: which route takes it, what is
decided, which headers the upstream would get. Nothing is sent, nobody is asked.

Usage: bearergate explain METHOD URL [options]

  METHOD               such as GET
  URL                  https://host/path?query, or /path?query at publicUrl; taken as written,
                       octet by octet, not tidied as browsers do
  --claims FILE        somebody is signed in, or has a good access token: the claims as JSON, such
                       as {"sub":"ada","groups":["staff"]}; acr, auth_time and sid are theirs, iss
                       says which of several providers knows them, scope is that of the token
                       (left out: all that is asked for)
  --header 'K: V'      a header of the request, as often as needed. Two that matter:
                       'Accept: text/html' for a page, 'Authorization: Bearer x' for a caller with
                       a token (which is never looked at: --claims says what it holds)
  --peer ADDRESS       who connects, for listen.trustedProxies; default 192.0.2.1, a stranger
  --config FILE        the configuration; default $BEARERGATE_CONFIG, else ./bearergate.yaml
  --json               the result as one JSON object on standard output
  -h, --help           this text

Tokens are shown as what they are in <>, values of the environment and of cookies not at all.

Exit codes: 0 explained, whatever is decided, 1 the configuration or the claims cannot be
read, 2 wrong usage
`

const OPTIONS = {
  claims: { type: 'string' },
  header: { type: 'string', multiple: true },
  peer: { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
} as const

const STRANGER = '192.0.2.1' // TEST-NET-1 (RFC 5737): nobody's

type Claims = Readonly<Record<string, unknown>>

/** Explains one request to an operator; answers the exit code. */
export async function runExplain(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseArguments(args, OPTIONS, 2)
  if (values.help === true) {
    io.stdout.write(HELP)
    return EXIT.ok
  }
  const [method, url] = positionals
  if (method === undefined || url === undefined) throw new UsageError('METHOD and URL are needed')
  const file = configFile(values.config, io)
  const loaded = load(file, io)
  const claims = values.claims === undefined ? undefined : readClaims(values.claims, io)
  if (loaded === undefined || claims === 'unreadable') return EXIT.failed
  const { header: headers = [], peer = STRANGER } = values
  const { publicUrl } = loaded.config
  const request = explainedRequest({ method, url, headers, peer }, publicUrl)
  const explanation = explain(loaded, request, { claims, nowMs: Date.now() })
  io.stdout.write(
    values.json === true
      ? `${JSON.stringify(explanation)}\n`
      : explanationText(explanation, shortName(file, io)),
  )
  return EXIT.ok
}

function load(file: string, io: CommandIo): LoadedFile | undefined {
  try {
    return loadConfig(file, io.env)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const lines = error.diagnostics.map(
      (found) => `${formatDiagnostic({ ...found, file: shortName(found.file, io) })}\n`,
    )
    io.stderr.write(`${lines.join('')}nothing to explain: ${shortName(file, io)} is not valid\n`)
    return undefined
  }
}

function readClaims(name: string, io: CommandIo): Claims | 'unreadable' {
  try {
    const claims: unknown = JSON.parse(readFileSync(resolve(io.cwd, name), 'utf8'))
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims))
      return claims as Claims
  } catch {
    // Texts of the parser quote the file.
  }
  io.stderr.write(`bearergate: ${name} is no readable file with one JSON object of claims\n`)
  return 'unreadable'
}
