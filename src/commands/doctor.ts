import type { GatewayConfig } from '../config/gateway-config.ts'
import { formatDiagnostic } from '../config/config-error.ts'
import { addressExamination } from './doctor/address-examination.ts'
import { parseArguments, UsageError } from './arguments.ts'
import { checkFile, problemsText, type CheckedFile } from './checked-file.ts'
import { EXIT, type CommandIo } from './command-io.ts'
import { configFile, shortName } from './config-file.ts'
import { examined, type Examined } from './doctor/examined.ts'
import { ok, warning, type Examination, type Finding } from './doctor/finding.ts'
import { holdSignals } from './doctor/held-signals.ts'
import { providerExamination } from './doctor/provider-examination.ts'
import { storeExamination } from './doctor/store-examination.ts'
import { upstreamExamination } from './doctor/upstream-examination.ts'

const HELP = `Tries provider, session store and upstreams for real, and says what to fix. Run it as the user
of the gateway and where that runs: in its container, docker exec; it may be running meanwhile.

Usage: bearergate doctor [FILE] [--json]

  FILE          the configuration, also as --config FILE; default $BEARERGATE_CONFIG, else
                ./bearergate.yaml
  --json        the findings as one JSON object on standard output
  -h, --help    this text

Nobody is signed in and nothing is changed: the token endpoint is offered a made-up code, the
store a record that is taken away again, every upstream a HEAD request without token or cookie.
Takes 10 s at most; Ctrl-C prints what is known by then. Each line begins with one of

  ok            as it should be
  warn          works perhaps, but not as you may think; the line below says what to do
  FAIL          does not work; the line below says what to do
  skip          not looked at, or cannot be known from here

Exit codes: 0 nothing failed, 1 something did, or the configuration is invalid, 2 wrong usage
`

const WITHIN_MS = 10_000

/** Examines everything that the configuration names; answers the exit code. */
export async function runDoctor(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseArguments(
    args,
    { config: { type: 'string' }, json: { type: 'boolean' } },
    1,
  )
  if (values.help === true) {
    io.stdout.write(HELP)
    return EXIT.ok
  }
  if (values.config !== undefined && positionals.length > 0) {
    throw new UsageError('the file is given twice')
  }
  const file = configFile(positionals[0] ?? values.config, io)
  const [name, checked] = [shortName(file, io), checkFile(file, io)]
  if (checked.config === undefined) return refused(checked, name, values.json === true, io)
  const held = holdSignals(io.signal)
  try {
    const under = examineAll(checked.config, checked, name, held.signal)
    return await (values.json === true ? tellJson(under, name, io) : tellText(under, io))
  } finally {
    held.release()
  }
}

function refused({ problems }: CheckedFile, file: string, json: boolean, io: CommandIo): number {
  if (json)
    io.stdout.write(`${JSON.stringify({ file, healthy: false, problems, examinations: [] })}\n`)
  else io.stderr.write(problemsText(problems, file))
  return EXIT.failed
}

/** Everything at once, in the order it is to be told. */
function examineAll(
  config: GatewayConfig,
  { warnings }: CheckedFile,
  name: string,
  signal: AbortSignal,
): readonly Promise<Examined>[] {
  const file: Examination = {
    subject: `configuration ${name}`,
    async examine(tell) {
      tell(ok('file', `valid: ${config.routes.length} routes`))
      for (const found of warnings)
        tell(
          warning(
            'file',
            formatDiagnostic(found),
            'allowed, but rarely meant so where others use the gateway: change it, or know why not',
          ),
        )
    },
  }
  const examinations = [
    file,
    ...config.providers.map((provider) => providerExamination(provider, config)),
    storeExamination(config.session),
    upstreamExamination(config.routes),
    addressExamination(config),
  ]
  const options = { withinMs: WITHIN_MS, secrets: secretsOf(config), signal }
  return examinations.map((examination) => examined(examination, options))
}

/** What we send to prove who we are, and others could repeat in an error. */
function secretsOf({ providers, session: { redis } }: GatewayConfig): string[] {
  const sentinel = redis?.servers.kind === 'sentinel' ? redis.servers.password : undefined
  const all = [...providers.map(({ clientSecret }) => clientSecret), redis?.password, sentinel]
  return all.flatMap((secret) => (secret === undefined ? [] : [secret, encodeURIComponent(secret)]))
}

async function tellJson(
  under: readonly Promise<Examined>[],
  file: string,
  io: CommandIo,
): Promise<number> {
  const examinations = await Promise.all(under)
  const healthy = !examinations.some(hasFailed)
  io.stdout.write(`${JSON.stringify({ file, healthy, problems: [], examinations })}\n`)
  return healthy ? EXIT.ok : EXIT.failed
}

async function tellText(under: readonly Promise<Examined>[], io: CommandIo): Promise<number> {
  for (const one of under) {
    const { subject, findings } = await one
    io.stdout.write(`${subject}\n${findings.map(lineOf).join('')}\n`)
  }
  const all = (await Promise.all(under)).flatMap(({ findings }) => findings)
  const count = (wanted: Finding['status']) => all.filter(({ status }) => status === wanted).length
  io.stdout.write(`${count('fail')} failed, ${count('warn')} to look at, ${count('ok')} well\n`)
  return count('fail') === 0 ? EXIT.ok : EXIT.failed
}

function lineOf({ status, found, advice }: Finding): string {
  const word = status === 'fail' ? 'FAIL' : status
  const line = `  ${word.padEnd(4)}  ${found}\n`
  return advice === undefined ? line : `${line}        -> ${advice}\n`
}

function hasFailed({ findings }: Examined): boolean {
  return findings.some(({ status }) => status === 'fail')
}
