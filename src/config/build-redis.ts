import type { RedisOptions, RedisServers } from '../session-store/redis-options.ts'
import type { LoadedTree } from './schema/config-schema.ts'

type RedisTree = NonNullable<LoadedTree['session']['redis']>

/** How to reach Redis, from keys that agree with each other. */
export function buildRedis(tree: RedisTree): RedisOptions {
  const { url, keyPrefix, commandTimeout } = tree
  const username = url?.username ?? tree.username
  const password = url?.password ?? tree.password
  const tls = url?.tls === true ? (tree.tls ?? {}) : tree.tls
  return {
    servers: buildServers(tree),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    database: url?.database ?? tree.database,
    keyPrefix,
    commandTimeoutMs: commandTimeout,
  }
}

function buildServers(tree: RedisTree): RedisServers {
  const { url, sentinels, masterName = '', nodes = [], sentinelUsername, sentinelPassword } = tree
  if (url !== undefined) return { kind: 'single', server: { host: url.host, port: url.port } }
  if (sentinels === undefined) return { kind: 'cluster', nodes }
  return {
    kind: 'sentinel',
    sentinels,
    groupName: masterName,
    ...(sentinelUsername === undefined ? {} : { username: sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { password: sentinelPassword }),
  }
}
