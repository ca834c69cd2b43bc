import { fastifyCookie } from '@fastify/cookie'
import secureSession from '@fastify/secure-session'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { OwnKeys } from './own-keys.ts'

export type Purpose = keyof OwnKeys

export type SealLifetimes = Readonly<Record<Purpose, number>>

/** Authenticated encryption of small values, each under the keys of its purpose. */
export interface CookieSeal {
  seal(purpose: Purpose, value: Readonly<Record<string, unknown>>): string
  /** What was sealed for this purpose, or `undefined` for everything else, garbage included (STANDARDS SE-12). */
  open(purpose: Purpose, sealed: string): OpenedSeal | undefined
}

export interface OpenedSeal {
  readonly value: Readonly<Record<string, unknown>>
  readonly sealedAtMs: number
}

/**
 * Sealing through @fastify/secure-session, registered in a scope without routes: its encode and
 * decode are all we want, its hooks would decrypt on every proxied request (STACK C5).
 *
 * @param lifetimesSeconds how long each purpose's values open; the library's own default is a day
 */
export async function createCookieSeal(
  app: FastifyInstance,
  keys: OwnKeys,
  lifetimesSeconds: SealLifetimes,
): Promise<CookieSeal> {
  let sealing: CookieSeal | undefined
  await app.register(async (scope) => {
    await scope.register(secureSession, sessionsOf(keys, lifetimesSeconds))
    sealing = sealOf(scope)
  })
  if (sealing === undefined) throw new Error('the sealing plugin was not loaded')
  return sealing
}

function sessionsOf(keys: OwnKeys, lifetimesSeconds: SealLifetimes): SealingSession[] {
  const purposes = Object.keys(keys) as Purpose[]
  return purposes.map((purpose) => ({
    sessionName: purpose,
    key: [...keys[purpose]],
    expiry: lifetimesSeconds[purpose],
  }))
}

type SealingSession = secureSession.SecureSessionPluginOptions & { sessionName: string }

function sealOf(scope: FastifyInstance): CookieSeal {
  return {
    seal: (purpose, value) =>
      scope.encodeSecureSession(scope.createSecureSession({ ...value }), purpose),
    open: (purpose, sealed) => {
      const session = decode(scope, purpose, sealed)
      const value = session?.data() as Record<string, unknown> | undefined
      if (session === undefined || value === undefined) return undefined
      return { value, sealedAtMs: Number(session.get('__ts')) * 1000 }
    },
  }
}

/** Adds one Set-Cookie line; several stay separate lines. */
export function addCookie(
  reply: FastifyReply,
  name: string,
  value: string,
  attributes: CookieAttributes,
): void {
  reply.header('set-cookie', fastifyCookie.serialize(name, value, attributes))
}

export interface CookieAttributes {
  readonly path: '/'
  readonly httpOnly: true
  readonly secure: boolean
  readonly sameSite: 'lax' | 'strict' | 'none'
  /** Seconds; 0 deletes. */
  readonly maxAge: number
}

function decode(
  scope: FastifyInstance,
  purpose: Purpose,
  sealed: string,
): secureSession.Session | undefined {
  try {
    return scope.decodeSecureSession(sealed, scope.log, purpose) ?? undefined
  } catch {
    return undefined // the library throws on some malformed input; to us it is just not a seal
  }
}
