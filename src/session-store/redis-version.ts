import type { Redis } from 'ioredis'

/** What a server is and of which version, such as `Redis 7.2.4`. */
export interface RedisVersion {
  readonly name: 'Redis' | 'Valkey'
  readonly version: string
}

/** `undefined` when the server does not say: some providers of Redis forbid the question. */
export async function redisVersion(server: Pick<Redis, 'info'>): Promise<RedisVersion | undefined> {
  const text = await server.info('server').catch(() => '')
  const field = (name: string) => new RegExp(`^${name}:([\\w.-]+)`, 'm').exec(text)?.[1]
  const valkey = field('valkey_version')
  if (valkey !== undefined) return { name: 'Valkey', version: valkey }
  const redis = field('redis_version')
  return redis === undefined ? undefined : { name: 'Redis', version: redis }
}

const OLDEST = [6, 2] as const

/** Older than what the session store is made for. */
export function isTooOld({ name, version }: RedisVersion): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return name === 'Redis' && (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]))
}
