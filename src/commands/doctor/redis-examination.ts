import { within } from '../../domain/deadline.ts'
import { connectRedis } from '../../session-store/redis-connection.ts'
import { evictionPolicy } from '../../session-store/redis-eviction.ts'
import type { RedisOptions } from '../../session-store/redis-options.ts'
import { isTooOld, redisVersion } from '../../session-store/redis-version.ts'
import { ok, skipped, warning, type Tell } from './finding.ts'

const ANSWER_WITHIN_MS = 1_000

type Server = Parameters<typeof evictionPolicy>[0]

/** How long a connection that comes to be may take: Sentinels and Clusters ask around first. */
export function connectWithinMs(options: RedisOptions | undefined): number {
  return options === undefined || options.servers.kind === 'single' ? 1_500 : 4_000
}

/** What the servers say of themselves. */
export async function examineRedisServers(options: RedisOptions, tell: Tell): Promise<void> {
  const connection = connectRedis(options, () => undefined)
  try {
    const ready = new Promise<void>((resolve) => connection.onReady(resolve))
    await within(connectWithinMs(options), ready)
    const servers = connection.masters()
    await within(ANSWER_WITHIN_MS, Promise.all(servers.map((server) => examine(server, tell))))
  } catch {
    tell(skipped('redis', 'version and eviction policy are not known'))
  } finally {
    connection.close()
  }
}

async function examine(server: Server, tell: Tell): Promise<void> {
  const [version, policy] = await Promise.all([redisVersion(server), evictionPolicy(server)])
  if (version === undefined) tell(skipped('redis', 'the server does not tell its version'))
  else if (isTooOld(version))
    tell(warning('redis', `${version.name} ${version.version} is old`, 'use 6.2 or newer'))
  else tell(ok('redis', `${version.name} ${version.version}`))
  if (policy === undefined) return
  tell(
    warning(
      'redis_eviction',
      `Redis may evict sessions when memory runs short (maxmemory-policy ${policy}), which signs users out`,
      'set maxmemory-policy noeviction there',
    ),
  )
}
