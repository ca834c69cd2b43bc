import { isDeepStrictEqual } from 'node:util'
import type { GatewayConfig, SessionConfig } from './gateway-config.ts'

type Read = (config: GatewayConfig) => unknown

/** Total, so that a new key does not compile until somebody thought of reloads. */
const OF_SESSION: Readonly<Record<Exclude<keyof SessionConfig, 'claims' | 'cookie'>, string>> = {
  secrets: 'session.secrets',
  store: 'session.store',
  file: 'session.file',
  redis: 'session.redis',
  idleTimeoutMs: 'session.idleTimeout',
  lifetimeMs: 'session.lifetime',
  maxSessions: 'session.maxSessions',
  maxPerSubject: 'session.maxPerSubject',
}

/** What a running process is built on: its listeners, its sessions, its log. By the key's name in the file. */
const NEEDS_RESTART: readonly (readonly [key: string, read: Read])[] = [
  ['publicUrl', ({ publicUrl }) => publicUrl.href],
  ['listen.host', ({ listen }) => listen.host],
  ['listen.port', ({ listen }) => listen.port],
  ['listen.tls', ({ listen }) => listen.tls === undefined], // new certificates need none
  ['admin.host', ({ admin }) => admin.host],
  ['admin.port', ({ admin }) => admin.port],
  ...Object.entries(OF_SESSION).map(
    ([field, key]) =>
      [key, ({ session }: GatewayConfig) => session[field as keyof SessionConfig]] as const,
  ),
  ['workers', ({ workers }) => workers],
  ['logging.level', ({ logging }) => logging.level],
]

/** The keys that differ, and that a running process cannot take on; in the order of the reference. */
export function keysThatNeedRestart(running: GatewayConfig, wanted: GatewayConfig): string[] {
  return NEEDS_RESTART.filter(([, read]) => !isDeepStrictEqual(read(running), read(wanted))).map(
    ([key]) => key,
  )
}

/** True when nothing differs, neither in the file nor in what it refers to. */
export function isSameConfig(one: GatewayConfig, other: GatewayConfig): boolean {
  return isDeepStrictEqual(comparable(one), comparable(other))
}

/** Of two URLs the fields that make them equal are hidden. */
function comparable(config: GatewayConfig): object {
  return { ...config, publicUrl: config.publicUrl.href }
}
