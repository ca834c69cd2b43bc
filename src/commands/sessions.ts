import { createInterface } from 'node:readline/promises'
import { ConfigError } from '../config/config-error.ts'
import { OperatorParameterError, type Parameters } from '../server/operator-parameters.ts'
import type { SessionRow } from '../server/session-row.ts'
import { connectAdmin } from './sessions/admin-session-desk.ts'
import { parseArguments, UsageError } from './arguments.ts'
import { EXIT, type CommandIo } from './command-io.ts'
import { configFile } from './config-file.ts'
import { SessionDeskError, type SessionDesk } from './sessions/session-desk.ts'

const HELP = `Lists sessions or ends them, without reading them.

Usage: bearergate sessions list [--subject SUB | --sid SID | --all]
       bearergate sessions end (--subject SUB | --sid SID | --key KEY | --all)

  --subject SUB    those of one user: the sub claim
  --sid SID        those of one session at the provider: the sid claim
  --key KEY        the one that was listed with this key; --key=KEY when it begins with a dash
  --all            every session; end asks first
  --issuer URL     whose subject or sid it is; default the only configured provider's
  --yes            end all without asking
  --config FILE    the configuration; default $BEARERGATE_CONFIG, else ./bearergate.yaml
  --admin URL      the admin listener of a running gateway, instead of a configuration
  --json           the result as one JSON object on standard output
  -h, --help       this text

Asks the running gateway at its admin listener. When none answers, opens the file or Redis
store of the configuration itself; running gateways hear of what ends there at once.

Exit codes: 0 done, also when there was nothing to end, 1 failed, 2 wrong usage
`

const OPTIONS = {
  subject: { type: 'string' },
  sid: { type: 'string' },
  key: { type: 'string' },
  all: { type: 'boolean' },
  issuer: { type: 'string' },
  yes: { type: 'boolean' },
  config: { type: 'string' },
  admin: { type: 'string' },
  json: { type: 'boolean' },
} as const

type Values = ReturnType<typeof parseArguments<typeof OPTIONS>>['values']

/** Lists or ends sessions for an operator (SE-14); answers the exit code. */
export async function runSessions(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseArguments(args, OPTIONS, 1)
  if (values.help === true) {
    io.stdout.write(HELP)
    return EXIT.ok
  }
  const [action] = positionals
  if (action !== 'list' && action !== 'end') throw new UsageError("say 'list' or 'end'")
  const whose = whoseSessions(action, values)
  if (action === 'end' && whose.has('all') && !(await isMeant(values, io))) return EXIT.failed
  try {
    const desk = await openDesk(values, io)
    try {
      await (action === 'list' ? list : end)(desk, whose, values, io)
    } finally {
      await desk.close()
    }
    return EXIT.ok
  } catch (error) {
    return failed(error, io)
  }
}

function whoseSessions(action: 'list' | 'end', values: Values): Parameters {
  const { subject, sid, key, all, issuer } = values
  const words = { subject, sid, key, all: all === true ? 'true' : undefined }
  const given = Object.entries(words).filter(
    (word): word is [string, string] => word[1] !== undefined,
  )
  if (given.length > 1) throw new UsageError('give one of --subject, --sid, --key and --all')
  const [kind, value] = given[0] ?? []
  if (kind === undefined && action === 'end') {
    throw new UsageError('whose sessions? Give --subject, --sid, --key or --all')
  }
  if (kind === 'key' && action === 'list') throw new UsageError("'--key' is for 'end'")
  if (value === '') throw new UsageError(`'--${kind}' is empty`)
  if (issuer === undefined) return new Map(given)
  if (kind !== 'subject' && kind !== 'sid') {
    throw new UsageError("'--issuer' goes with '--subject' or '--sid'")
  }
  return new Map([...given, ['issuer', issuer]])
}

async function openDesk({ admin, config }: Values, io: CommandIo): Promise<SessionDesk> {
  if (admin !== undefined && config !== undefined) {
    throw new UsageError("give either '--admin' or '--config', not both")
  }
  if (admin !== undefined) return connectAdmin(originOf(admin))
  const { loadConfig } = await import('../config/load-config.ts')
  const { openSessionDesk } = await import('./sessions/open-session-desk.ts')
  return openSessionDesk(loadConfig(configFile(config, io), io.env).config)
}

function originOf(admin: string): string {
  const url = URL.canParse(admin) ? new URL(admin) : undefined
  if (url?.protocol === 'http:' && url.pathname === '/') return url.origin
  throw new UsageError(`'${admin}' is not an address such as http://127.0.0.1:9090`)
}

async function list(desk: SessionDesk, whose: Parameters, values: Values, io: CommandIo) {
  const sessions = new Map<string, SessionRow>()
  for await (const row of desk.list(whose)) {
    if (values.json !== true && !sessions.has(row.key)) {
      if (sessions.size === 0) io.stdout.write(line(HEADINGS))
      io.stdout.write(line(row))
    }
    sessions.set(row.key, row)
  }
  if (values.json === true) tellJson({ sessions: [...sessions.values()] }, io)
  else io.stdout.write(`${counted(sessions.size)}\n`)
}

async function end(desk: SessionDesk, whose: Parameters, values: Values, io: CommandIo) {
  const ended = await desk.end(whose)
  if (values.json === true) tellJson({ ended }, io)
  else io.stdout.write(`${counted(ended)} ended\n`)
}

/** Signing everybody out is not for a slip of the finger. */
async function isMeant({ yes, json }: Values, { stdin, stdout }: CommandIo): Promise<boolean> {
  if (yes === true) return true
  if (stdin?.isTTY !== true || json === true) {
    throw new UsageError("'end --all' needs '--yes' where nobody can be asked")
  }
  stdout.write('This signs everybody out. Go on? [y/N] ')
  const reader = createInterface({ input: stdin })
  const answer = await reader.question('')
  reader.close()
  const isYes = /^y(es)?$/i.test(answer.trim())
  if (!isYes) stdout.write('Nothing was ended.\n')
  return isYes
}

function failed(error: unknown, io: CommandIo): number {
  if (error instanceof OperatorParameterError) throw new UsageError(error.message)
  if (!(error instanceof ConfigError) && !(error instanceof SessionDeskError)) throw error
  io.stderr.write(`${error instanceof ConfigError ? '' : 'bearergate: '}${error.message}\n`)
  return EXIT.failed
}

const HEADINGS: SessionRow = {
  key: 'KEY',
  created_at: 'CREATED',
  timeout_at: 'TIMES OUT',
  ends_at: 'ENDS',
}

function line({ key, created_at, timeout_at, ends_at }: SessionRow): string {
  const times = [created_at, timeout_at, ends_at].map((time) => time.replace(/\.\d{3}Z$/, 'Z'))
  return `${[key.padEnd(22), ...times.map((time) => time.padEnd(20))].join('  ').trimEnd()}\n`
}

function counted(count: number): string {
  return count === 1 ? '1 session' : `${count} sessions`
}

function tellJson(result: object, io: CommandIo): void {
  io.stdout.write(`${JSON.stringify(result)}\n`)
}
