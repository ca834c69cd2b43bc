import { spawn, type ChildProcess } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseConfig } from '../../src/config/load-config.ts'
import type { GatewayEvent } from '../../src/domain/events.ts'
import { createGateway } from '../../src/gateway.ts'
import type { ConnectionLimits } from '../../src/server/connection-limits.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { createTelemetry } from '../../src/telemetry/telemetry.ts'

/** Keys of the configuration file (DESIGN §4). What is absent gets a value that suits tests. */
export type GatewayPlan = Readonly<Record<string, unknown>>

export type LogLine = Readonly<Record<string, unknown>>

/** What tests see of a running gateway, in process or not. */
export interface TestGateway {
  /** The public URL, `http://127.0.0.1:port`. */
  readonly origin: string
  readonly port: number
  /** The admin listener, `http://127.0.0.1:port`. */
  readonly admin: string
  /** Every log line so far, parsed. */
  log(): LogLine[]
  /** The whole log as written: for canaries. */
  logText(): string
  /** Resolves with the first log line that matches, also one already written. */
  line(matches: (line: LogLine) => boolean): Promise<LogLine>
  /** Status and body of an admin page. */
  ask(path: string): Promise<{ status: number; body: string }>
}

export interface InProcessGateway extends TestGateway {
  readonly events: readonly GatewayEvent[]
  /** Drains and closes, once; `t` does it at the end of the test. Answers whether everything finished. */
  close(): Promise<boolean>
}

export interface GatewayProcess extends TestGateway {
  readonly child: ChildProcess
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>
  /** Standard error so far. */
  errors(): string
  /** Replaces the configuration file by a plan, or by text as it is. */
  rewrite(plan: GatewayPlan | string): Promise<void>
  /** Sends SIGHUP; answers the line that says what came of it. */
  reload(): Promise<LogLine>
}

interface Owner {
  teardown(close: () => unknown): unknown
}

const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))

/** The `provider` section for a provider of test/support/openid-provider.ts. */
export function providerSection(
  provider: { readonly issuer: string; readonly secret: string; readonly resource: string },
  more: GatewayPlan = {},
): GatewayPlan {
  return {
    issuer: provider.issuer,
    clientId: 'basic',
    clientSecret: provider.secret,
    scope: 'openid profile email offline_access',
    resource: [provider.resource],
    allowInsecureHttp: true,
    ...more,
  }
}

/** A gateway in this process, listening on free loopback ports. `plan` is an object or YAML text. */
export async function startGateway(
  t: Owner,
  plan: GatewayPlan | string,
  options: {
    readonly limits?: Partial<ConnectionLimits>
    readonly level?: 'trace' | 'info'
    /** What the configuration may read, by path. */
    readonly files?: Readonly<Record<string, string>>
  } = {},
): Promise<InProcessGateway> {
  const port = await freePort()
  const text = typeof plan === 'string' ? plan : configText(plan, port)
  const readFile = (path: string) => {
    const value = options.files?.[path]
    return value === undefined ? { wrong: 'is no file of this test' } : { value }
  }
  const source = { env: process.env, readFile }
  const { config } = parseConfig(text, 'test.yaml', source)
  const log = createLog()
  const events: GatewayEvent[] = []
  const metrics = createMetrics({ version: 'test', routeIds: config.routes.map(({ id }) => id) })
  const telemetry = createTelemetry({
    level: options.level ?? 'trace',
    destination: { write: log.add, flush: () => undefined },
    metrics,
    pseudonymKey: new Uint8Array(32),
    nowMs: Date.now,
  })
  const emit = (event: GatewayEvent) => {
    events.push(event)
    telemetry.emit(event)
  }
  const gateway = await createGateway(config, emit, { ...options, metrics, version: 'test' })
  let closed: Promise<boolean> | undefined
  const close = () => (closed ??= gateway.close('the test is over'))
  t.teardown(close)
  const { adminAddress } = await gateway.listen()
  const origin = config.publicUrl.origin
  return {
    ...log.view,
    origin,
    port,
    admin: adminAddress,
    ask: asking(adminAddress),
    events,
    close,
  }
}

/** A gateway as its own process, from the compiled main, ready to be signalled. Killed at the end of the test. */
export async function startGatewayProcess(
  t: Owner,
  plan: GatewayPlan | string,
  options: { readonly env?: Record<string, string>; readonly args?: readonly string[] } = {},
): Promise<GatewayProcess> {
  const port = await freePort()
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-test-'))
  const file = join(folder, 'bearergate.yaml')
  await writeFile(file, typeof plan === 'string' ? plan : configText(plan, port))
  const running = spawnMain(t, ['serve', '--config', file, ...(options.args ?? [])], options.env)
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const started = await Promise.race([
    running.line(({ msg }) => msg === 'bearergate is listening'),
    running.exited.then(({ code }) => {
      throw new Error(`the gateway exited with ${code}: ${running.errors()}`)
    }),
  ])
  const admin = String(started['admin_on'])
  const origin = String(started['public_url'])
  const { child, exited, errors, log, logText, line } = running
  return {
    ...{ child, exited, errors, log, logText, line, origin, port, admin, ask: asking(admin) },
    rewrite: (next) => writeFile(file, typeof next === 'string' ? next : configText(next, port)),
    reload: () => {
      let earlier = log().filter(saysReload).length
      const said = line((one) => saysReload(one) && earlier-- === 0)
      child.kill('SIGHUP')
      return said
    },
  }
}

function saysReload({ event }: LogLine): boolean {
  return typeof event === 'string' && event.startsWith('config_')
}

/** Runs the compiled main with these arguments. */
export function spawnMain(t: Owner, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const log = createLog()
  const complaints: string[] = []
  createInterface(child.stdout).on('line', log.add)
  child.stderr.setEncoding('utf8').on('data', (text: string) => complaints.push(text))
  const exited = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as string | null,
  }))
  return { child, exited, errors: () => complaints.join(''), ...log.view }
}

// Below those that the system gives away by itself; Redis Cluster adds 10,000 for its bus.
const [FIRST_PORT, LAST_PORT] = [11_000, 22_000]

/** A port nobody listens on at the moment. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT)
    const server = createServer()
    const isFree = once(server.listen(port, '127.0.0.1'), 'listening').then(
      () => true,
      () => false,
    )
    if (!(await isFree)) continue
    await once(server.close(), 'close')
    return port
  }
}

function configText(plan: GatewayPlan, port: number): string {
  return JSON.stringify({
    publicUrl: `http://127.0.0.1:${port}`,
    admin: { host: '127.0.0.1', port: 0 },
    session: { secrets: [randomBytes(32).toString('base64')] },
    shutdown: { timeout: '3s' },
    loginLimit: { perAddress: 100_000, total: 0 }, // all tests come from one address
    ...plan,
    listen: { host: '127.0.0.1', port, ...(plan['listen'] as GatewayPlan | undefined) },
  })
}

function asking(admin: string) {
  return async (path: string) => {
    const answer = await fetch(admin + path, { headers: { connection: 'close' } })
    return { status: answer.status, body: await answer.text() }
  }
}

function createLog() {
  const texts: string[] = []
  const waiting = new Set<(line: LogLine) => void>()
  const log = () => texts.map(parseLine)
  const line = (matches: (line: LogLine) => boolean) =>
    new Promise<LogLine>((resolve) => {
      const found = log().find(matches)
      if (found !== undefined) return resolve(found)
      const look = (next: LogLine) => {
        if (!matches(next)) return
        waiting.delete(look)
        resolve(next)
      }
      waiting.add(look)
    })
  const add = (text: string) => {
    texts.push(text)
    for (const look of waiting) look(parseLine(text))
  }
  return { add, view: { log, line, logText: () => texts.join('\n') } }
}

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine
  } catch {
    return { msg: text }
  }
}
