import type { ConnectionOptions } from 'node:tls'
import { Cluster, Redis, type RedisOptions as IoredisOptions } from 'ioredis'
import type { RedisAddress, RedisOptions } from './redis-options.ts'
import { REDIS_SCRIPTS, type RedisScripts } from './redis-scripts.ts'

/** ioredis types "absent" as undefined here and there; `replyMapping` decides the types of answers. */
type ClientOptions = Omit<IoredisOptions, 'replyMapping'>

/** A client for commands: reconnects for ever, but never lets a command wait for that. */
export type RedisClient = (Redis | Cluster) & RedisScripts

/** The ways to one Redis, whatever it is made of. */
export interface RedisConnection {
  readonly client: RedisClient
  /** A connection for one subscription, not yet connected; it does not reconnect. `undefined` while no server is known. */
  newSubscriber(): Redis | undefined
  /** Every server that scripts run on: what each of them publishes must be heard. */
  masters(): readonly Pick<Redis, 'publish' | 'info'>[]
  /** Hears of each time that commands can be sent again. */
  onReady(listener: () => void): void
  close(): void
}

const CONNECT_TIMEOUT_MS = 1_000
const SILENT_SOCKET_MS = 2_000 // a command without any answer for so long: the socket is dead, or a new master is elected. Deadlines: redis-deadline.ts
const LONGEST_RETRY_MS = 1_000
const REFRESH_SLOTS_MS = 5_000
const CLUSTER_RETRY_MS = 100
const MOST_REDIRECTIONS = 8

/** @param onTrouble hears of every failed connection: for the log */
export function connectRedis(
  options: RedisOptions,
  onTrouble: (cause: unknown) => void,
): RedisConnection {
  return options.servers.kind === 'cluster'
    ? connectCluster(options, options.servers.nodes, onTrouble)
    : connectMaster(options, masterAddress(options), onTrouble)
}

function connectMaster(
  options: RedisOptions,
  address: ClientOptions,
  onTrouble: (cause: unknown) => void,
): RedisConnection {
  const shared = { ...clientOptions(options), ...address, enableOfflineQueue: false }
  const client = new Redis({
    ...shared,
    db: options.database,
    retryStrategy,
    reconnectOnError: (error) => (isReadOnly(error) ? 2 : false),
    scripts: REDIS_SCRIPTS,
  })
  client.on('error', onTrouble)
  return {
    client: client as unknown as RedisClient,
    newSubscriber: () =>
      new Redis({ ...shared, ...ONE_SUBSCRIPTION, sentinelRetryStrategy: never }),
    masters: () => [client],
    onReady: (listener) => void client.on('ready', listener),
    close: () => client.disconnect(),
  }
}

function masterAddress({ servers, tls }: RedisOptions): ClientOptions {
  if (servers.kind === 'single') return { ...servers.server }
  if (servers.kind === 'cluster') return {}
  const { sentinels, groupName, username, password } = servers
  return {
    sentinels: [...sentinels],
    name: groupName,
    ...(username === undefined ? {} : { sentinelUsername: username }),
    ...(password === undefined ? {} : { sentinelPassword: password }),
    sentinelRetryStrategy: retryStrategy,
    sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
    ...(tls === undefined ? {} : { sentinelTLS: tlsOptions(tls), enableTLSForSentinelMode: true }),
  }
}

function connectCluster(
  options: RedisOptions,
  nodes: readonly RedisAddress[],
  onTrouble: (cause: unknown) => void,
): RedisConnection {
  const cluster = new Cluster([...nodes], {
    redisOptions: clientOptions(options),
    enableOfflineQueue: false,
    clusterRetryStrategy: retryStrategy,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    slotsRefreshInterval: REFRESH_SLOTS_MS,
    maxRedirections: MOST_REDIRECTIONS,
    retryDelayOnFailover: CLUSTER_RETRY_MS,
    retryDelayOnClusterDown: CLUSTER_RETRY_MS,
    retryDelayOnTryAgain: CLUSTER_RETRY_MS,
    scripts: REDIS_SCRIPTS,
  })
  cluster.on('error', onTrouble)
  cluster.on('node error', onTrouble)
  return {
    client: cluster as unknown as RedisClient,
    newSubscriber: () =>
      anyOf(cluster.nodes('all'))?.duplicate({
        ...ONE_SUBSCRIPTION,
        enableOfflineQueue: false,
        readOnly: false,
      }),
    masters: () => cluster.nodes('master'),
    onReady: (listener) => void cluster.on('ready', listener),
    close: () => cluster.disconnect(),
  }
}

/** The channel opens a new one, perhaps to another server, when this one ends. */
const ONE_SUBSCRIPTION = {
  lazyConnect: true,
  retryStrategy: never,
  autoResubscribe: false,
} as const

function clientOptions({ username, password, tls }: RedisOptions): ClientOptions {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: tlsOptions(tls) }),
    protocol: 2, // no HELLO, so that older servers and proxies are spoken to alike
    disableClientInfo: true, // CLIENT SETINFO is no command of Redis 6, and no right of our ACL user
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENT_SOCKET_MS,
    maxRetriesPerRequest: 1,
    maxLoadingRetryTime: LONGEST_RETRY_MS,
  }
}

function tlsOptions({ certificateAuthority }: NonNullable<RedisOptions['tls']>): ConnectionOptions {
  return {
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    ...(certificateAuthority === undefined ? {} : { ca: certificateAuthority }),
  }
}

/** Soon at first, then about once a second, for ever; jitter keeps replicas from coming back all at once. */
function retryStrategy(times: number): number {
  return Math.min(50 * 2 ** Math.min(times, 5), LONGEST_RETRY_MS) * (0.75 + Math.random() / 4)
}

function never(): null {
  return null
}

/** The server was the master until a failover. Redis puts the code in front of the text (RESP §errors). */
function isReadOnly(error: Error): boolean {
  return error.message.startsWith('READONLY ')
}

function anyOf<Item>(items: readonly Item[]): Item | undefined {
  return items[Math.floor(Math.random() * items.length)]
}
