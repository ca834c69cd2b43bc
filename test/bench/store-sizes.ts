import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startRedis } from '../support/redis-servers.ts'
import type { Closers } from './closers.ts'
import type { HeldSessions, SessionSizes } from './session-holder.ts'

export interface StoreSizes {
  readonly sizes: SessionSizes
  /** Rows of a Markdown table. */
  readonly rows: readonly string[]
}

interface Filling {
  readonly name: string
  readonly session: Readonly<Record<string, unknown>>
  /** Octets that the store takes outside of the process, now. */
  readonly outsideBytes: () => Promise<number>
}

interface Step extends HeldSessions {
  readonly outsideBytes: number
}

const HOLDER = fileURLToPath(new URL('./session-holder.js', import.meta.url))
const MOST_SESSIONS = 200_000
const BLOCK_BYTES = 512

/** What each session takes, in the process and in the store, with so many of them (ascending). */
export async function measureStoreSizes(
  closers: Closers,
  counts: readonly number[],
): Promise<StoreSizes> {
  const rows: string[] = []
  let sizes: SessionSizes = { tokenBytes: 0, sealedBytes: 0 }
  for (const filling of await fillings(closers)) {
    const [found, [base, ...steps]] = await fill(filling, counts)
    sizes = found
    for (const step of steps) rows.push(row(filling.name, base as Step, step))
  }
  return { sizes, rows }
}

async function fillings(closers: Closers): Promise<Filling[]> {
  const path = await mkdtemp(join(tmpdir(), 'bearergate-bench-'))
  closers.teardown(() => rm(path, { recursive: true, force: true }))
  const { server } = await startRedis(closers)
  const usedMemory = async () =>
    Number(/^used_memory:(\d+)/m.exec(await server.admin.info('memory'))?.[1])
  return [
    { name: 'memory', session: {}, outsideBytes: async () => 0 },
    {
      name: 'file',
      session: { store: 'file', file: { path, maxSize: '4GiB' } },
      outsideBytes: async () => folderBytes(path),
    },
    {
      name: 'redis',
      session: { store: 'redis', redis: { url: server.url } },
      outsideBytes: usedMemory,
    },
  ]
}

async function fill(
  { session, outsideBytes }: Filling,
  counts: readonly number[],
): Promise<[SessionSizes, Step[]]> {
  const args = ['--expose-gc', HOLDER, configText(session), ...counts.map(String)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(child, 'close')
  const steps: Step[] = []
  let sizes: SessionSizes | undefined
  for await (const line of createInterface(child.stdout)) {
    const told = JSON.parse(line) as SessionSizes & HeldSessions
    if (sizes === undefined) sizes = told
    else steps.push({ ...told, outsideBytes: await outsideBytes() })
  }
  const [code] = (await ended) as [number]
  if (code !== 0 || sizes === undefined) throw new Error(`the holder ended with ${code}`)
  return [sizes, steps]
}

function configText(session: Readonly<Record<string, unknown>>): string {
  const secrets = [randomBytes(32).toString('base64')]
  return JSON.stringify({
    publicUrl: 'https://app.example',
    provider: { issuer: 'https://provider.invalid', clientId: 'bench', clientSecret: 'none' },
    session: { secrets, maxSessions: MOST_SESSIONS, ...session },
    routes: [{ path: '/*', upstream: 'http://127.0.0.1:9' }],
  })
}

/** On the disk, not as long as its files: a database file may have holes. */
function folderBytes(path: string): number {
  const blocks = readdirSync(path).map((name) => statSync(join(path, name)).blocks)
  return blocks.reduce((sum, count) => sum + count * BLOCK_BYTES, 0)
}

function row(name: string, base: Step, step: Step): string {
  const each = (pick: (of: Step) => number) =>
    Math.round((pick(step) - pick(base)) / step.sessions).toLocaleString('en')
  const cells = [
    name,
    step.sessions.toLocaleString('en'),
    each(({ privateBytes }) => privateBytes),
    each(({ mappedBytes }) => mappedBytes),
    each(({ outsideBytes }) => outsideBytes),
    step.storedBytes === undefined ? '–' : each(({ storedBytes = 0 }) => storedBytes),
  ]
  return `| ${cells.join(' | ')} |`
}
