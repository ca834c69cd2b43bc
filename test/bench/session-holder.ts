import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { fastify } from 'fastify'
import { parseConfig } from '../../src/config/load-config.ts'
import type { SignIn } from '../../src/domain/sign-in.ts'
import { closeParts, createParts, type GatewayParts } from '../../src/gateway-parts.ts'
import { createCookieSeal, type CookieSeal } from '../../src/http/cookie-seal.ts'
import { deriveKeys } from '../../src/http/own-keys.ts'
import { createSessionCookie, type SessionCookie } from '../../src/http/session-cookie.ts'
import { vault } from '../../src/session-store/vault.ts'

/** What so many sessions take, in the process that holds them. */
export interface HeldSessions {
  readonly sessions: number
  /** Memory of the process alone: without pages of files, which the system takes back when it wants them. */
  readonly privateBytes: number
  readonly mappedBytes: number
  /** Octets in use as the store counts them itself. */
  readonly storedBytes: number | undefined
}

/** What one session is made of. */
export interface SessionSizes {
  readonly tokenBytes: number
  readonly sealedBytes: number
}

interface Holder {
  readonly parts: GatewayParts
  readonly seal: CookieSeal
  readonly cookie: SessionCookie
}

const WARM_SESSIONS = 500
const AT_ONCE = 100
const TOKEN_BYTES = { access: 1_200, id: 1_200, refresh: 64 } as const
const LIFE_MS = 3_600_000

/*
 * A process with the parts of a gateway that remember sessions: store, opened sessions, opened cookies. It fills itself and
 * writes one line of JSON for each step. Arguments: the configuration, then numbers of sessions, ascending. Needs --expose-gc.
 */
const [text = '', ...steps] = process.argv.slice(2)
const holder = await createHolder(text)
tell(sizes())
await fillTo(WARM_SESSIONS, 0)
tell(await held(0))
let count = 0
for (const step of steps.map(Number)) {
  await fillTo(step, count)
  count = step
  tell(await held(count))
}
await closeParts(holder.parts)
process.exit(0)

async function createHolder(configText: string): Promise<Holder> {
  const source = { env: {}, readFile: () => ({ wrong: 'no files here' }) }
  const { config } = parseConfig(configText, 'holder.yaml', source)
  const parts = await createParts(config, () => {})
  const lifetimes = { ticket: LIFE_MS, loginTransaction: 1, logoutState: 1, form: 1 }
  const seal = await createCookieSeal(fastify(), deriveKeys(config.session.secrets), lifetimes)
  const { publicUrl } = config
  return { parts, seal, cookie: createSessionCookie({ seal, publicUrl, sameSite: 'lax' }) }
}

async function fillTo(sessions: number, from: number): Promise<void> {
  for (let at = from; at < sessions; at += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, sessions - at) }, signInAndUse))
}

/** As a login and its first request do. */
async function signInAndUse(): Promise<void> {
  const { parts, seal, cookie } = holder
  const { id, key } = await parts.sessions.create(newSignIn(), undefined)
  const value = encodeURIComponent(seal.seal('ticket', { id, key }))
  const ticket = cookie.read(`${cookie.name}=${value}`)
  if (ticket === undefined || (await parts.sessions.find(ticket)) === undefined)
    throw new Error('a session that was just made is not found')
}

function newSignIn(): SignIn {
  const nowMs = Date.now()
  return {
    issuer: 'https://provider.invalid', // as the configuration has it
    subject: `auth0|${random(24)}`,
    sid: random(32),
    claims: { name: 'Alice Example', email: 'alice@example.com' },
    nonce: random(43),
    refreshToken: random(TOKEN_BYTES.refresh),
    idToken: random(TOKEN_BYTES.id),
    accessToken: {
      target: '',
      value: random(TOKEN_BYTES.access),
      scope: 'openid profile email offline_access',
      obtainedAtMs: nowMs,
      expiresAtMs: nowMs + LIFE_MS,
    },
  }
}

function sizes(): SessionSizes {
  const { accessToken, ...signIn } = newSignIn()
  const times = { createdAtMs: Date.now(), endsAtMs: Date.now() }
  const record = { formatVersion: 1, ...times, ...signIn, accessTokens: [accessToken] } as const
  const sealed = vault.seal({ id: random(43), key: random(43) }, 1, record)
  const { access, id, refresh } = TOKEN_BYTES
  return { tokenBytes: access + id + refresh, sealedBytes: sealed.length }
}

function random(length: number): string {
  return randomBytes(length).toString('base64url').slice(0, length)
}

async function held(sessions: number): Promise<HeldSessions> {
  for (let round = 0; round < 5; round++) {
    globalThis.gc?.()
    await pause(50) // native parts are freed later
  }
  const status = readFileSync('/proc/self/status', 'utf8')
  return {
    sessions,
    privateBytes: statusBytes(status, 'RssAnon'),
    mappedBytes: statusBytes(status, 'RssFile'),
    storedBytes: await holder.parts.store.storedBytes(),
  }
}

function statusBytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) * 1_024
}

function tell(line: HeldSessions | SessionSizes): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
