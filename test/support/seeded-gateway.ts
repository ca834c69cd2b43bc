import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fastify } from 'fastify'
import { parseConfig } from '../../src/config/load-config.ts'
import type { SessionEngine } from '../../src/domain/session-engine.ts'
import { closeParts, createParts } from '../../src/gateway-parts.ts'
import { createCookieSeal, type CookieSeal } from '../../src/http/cookie-seal.ts'
import { deriveKeys } from '../../src/http/own-keys.ts'
import { startGatewayProcess, type GatewayPlan, type GatewayProcess } from './gateway.ts'

/** A gateway process, and a way to sign in as many people as one likes without a provider. */
export interface SeededGateway extends GatewayProcess {
  readonly pid: number
  signIn(subject: string): Promise<SeededUser>
}

export interface SeededUser {
  readonly subject: string
  /** The Cookie header. */
  readonly cookie: string
  readonly token: string
}

interface Owner {
  teardown(close: () => unknown): unknown
}

const NOWHERE = { issuer: 'http://127.0.0.1:9', clientId: 'nobody', clientSecret: 'none' }
const LIFE_MS = 3_600_000

/** The process and this one share a session file: sessions that are made here are alive there. */
export async function startSeededGateway(t: Owner, plan: GatewayPlan): Promise<SeededGateway> {
  const path = await mkdtemp(join(tmpdir(), 'bearergate-seed-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  const secret = randomBytes(32)
  const session = { secrets: [secret.toString('base64')], store: 'file', file: { path } }
  const provider = { ...NOWHERE, allowInsecureHttp: true }
  const whole = { provider, ...plan, session }
  const text = JSON.stringify({ publicUrl: 'http://127.0.0.1', ...whole })
  const source = { env: {}, readFile: () => ({ wrong: 'no files in this test' }) }
  const { config } = parseConfig(text, 'seed.yaml', source)
  const parts = await createParts(config, () => {})
  t.teardown(() => closeParts(parts))
  const lifetimes = { ticket: LIFE_MS, loginTransaction: 1, logoutState: 1, form: 1 }
  const seal = await createCookieSeal(fastify(), deriveKeys([secret]), lifetimes)
  const gateway = await startGatewayProcess(t, whole)
  return {
    ...gateway,
    pid: gateway.child.pid as number,
    signIn: (subject) => signIn(parts.sessions, seal, subject),
  }
}

async function signIn(
  sessions: SessionEngine,
  seal: CookieSeal,
  subject: string,
): Promise<SeededUser> {
  const token = `token-of-${subject}-${randomBytes(4).toString('hex')}`
  const nowMs = Date.now()
  const accessToken = {
    target: '',
    value: token,
    obtainedAtMs: nowMs,
    expiresAtMs: nowMs + LIFE_MS,
  }
  const { issuer } = NOWHERE
  const ticket = await sessions.create(
    { issuer, subject, claims: { sub: subject }, accessToken },
    undefined,
  )
  const value = seal.seal('ticket', { id: ticket.id, key: ticket.key })
  return { subject, token, cookie: `bearergate=${encodeURIComponent(value)}` }
}
