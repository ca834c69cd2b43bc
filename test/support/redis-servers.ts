import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { RedisAddress, RedisOptions } from '../../src/session-store/redis-options.ts'
import { freePort, type GatewayPlan } from './gateway.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from './loopback-certificate.ts'

/** A spawned `redis-server`, ended with the test. */
export interface RedisServer {
  readonly address: RedisAddress
  readonly url: string
  /** As the server's administrator. */
  readonly admin: Redis
  /** It stops answering; connections stay open. */
  freeze(): void
  thaw(): void
  /** Like a crash. */
  kill(): Promise<void>
  /** Again, on the same port, with what was written to disk: nothing. */
  restart(): Promise<void>
}

/** Something a store can be opened on. */
export interface RedisBed {
  readonly options: RedisOptions
  /** Every server that may hold keys. */
  readonly servers: readonly RedisServer[]
}

interface Owner {
  teardown(close: () => unknown): unknown
}

const DEFAULTS = { database: 0, keyPrefix: 'bearergate:', commandTimeoutMs: 500 } as const

/** The rights our user needs, as docs/sessions.md gives them. */
export const ACL_RULES =
  'resetkeys ~bearergate:* resetchannels &bearergate:* -@all ' +
  '+get +mget +set +del +getrange +setrange +pexpire +pttl ' +
  '+zadd +zrange +zscan +zrem +zcard +zremrangebyscore +zremrangebyrank ' +
  '+eval +evalsha +publish +subscribe +info +select'

/** What the user of a Cluster needs on top. */
const CLUSTER_ACL_RULES = `${ACL_RULES} +cluster|slots +cluster|info`

const OUR_USER = { username: 'bearergate', password: 's3cret' } as const

/** The same as a `session.redis` section: for a gateway of its own process. */
export function redisSection({ servers, username, password }: RedisOptions): GatewayPlan {
  const user = username === undefined ? {} : { username, password }
  if (servers.kind === 'single') return { url: `redis://${hostPort(servers.server)}`, ...user }
  if (servers.kind === 'cluster') return { nodes: servers.nodes.map(hostPort), ...user }
  return { sentinels: servers.sentinels.map(hostPort), masterName: servers.groupName, ...user }
}

function hostPort({ host, port }: RedisAddress): string {
  return `${host}:${port}`
}

/** One server without TLS and password. */
export async function startRedis(t: Owner): Promise<RedisBed & { readonly server: RedisServer }> {
  const server = await startServer(t, [])
  const options = { ...DEFAULTS, servers: { kind: 'single', server: server.address } } as const
  return { options, servers: [server], server }
}

/** One server that speaks TLS only, to a user who may use our keys only. */
export async function startSecuredRedis(
  t: Owner,
): Promise<RedisBed & { readonly server: RedisServer; readonly certificateAuthority: string }> {
  const folder = await newFolder(t)
  const certificateAuthority = LOOPBACK_CERTIFICATE
  await writeFile(join(folder, 'server.crt'), LOOPBACK_CERTIFICATE)
  await writeFile(join(folder, 'server.key'), LOOPBACK_KEY)
  await writeFile(
    join(folder, 'users.acl'),
    `user default on >admin ~* &* +@all\nuser ${OUR_USER.username} on >${OUR_USER.password} ${ACL_RULES}\n`,
  )
  const tls = ['--tls-cert-file', 'server.crt', '--tls-key-file', 'server.key']
  const more = [...tls, '--tls-auth-clients', 'no', '--aclfile', 'users.acl']
  const server = await startServer(t, more, { folder, certificateAuthority, password: 'admin' })
  const options = {
    ...DEFAULTS,
    servers: { kind: 'single', server: server.address },
    ...OUR_USER,
    tls: { certificateAuthority },
  } as const
  return { options, servers: [server], server, certificateAuthority }
}

/** A master, its replica and three sentinels that agree on a failure after a second. */
export async function startSentinelRedis(
  t: Owner,
): Promise<RedisBed & { readonly master: RedisServer; readonly replica: RedisServer }> {
  const master = await startServer(t, [])
  const { port } = master.address
  const replica = await startServer(t, ['--replicaof', '127.0.0.1', `${port}`])
  await until(() => isInStep(replica))
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(t, port)))
  await until(async () => (await Promise.all(sentinels.map(knowsAll))).every(Boolean))
  const servers = {
    kind: 'sentinel',
    groupName: 'sessions',
    sentinels: sentinels.map(({ address }) => address),
  } as const
  await addOurUser([master, replica], ACL_RULES)
  const options = { ...DEFAULTS, ...OUR_USER, servers }
  return { options, servers: [master, replica], master, replica }
}

/** Three masters with a replica each. */
export async function startRedisCluster(t: Owner): Promise<RedisBed> {
  const cluster = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000']
  const servers = await Promise.all(Array.from({ length: 6 }, () => startServer(t, cluster)))
  const nodes = servers.map(({ address }) => address)
  const names = nodes.map(({ host, port }) => `${host}:${port}`)
  await run('redis-cli', [
    ...['--cluster', 'create', ...names],
    ...['--cluster-replicas', '1', '--cluster-yes'],
  ])
  await until(async () => {
    const states = await Promise.all(servers.map(({ admin }) => admin.cluster('INFO')))
    return states.every((state) => state.includes('cluster_state:ok'))
  })
  await until(async () => (await Promise.all(servers.map(isInStep))).every(Boolean))
  await addOurUser(servers, CLUSTER_ACL_RULES)
  const options = { ...DEFAULTS, ...OUR_USER, servers: { kind: 'cluster', nodes } } as const
  return { options, servers }
}

/** A master, or a replica that has everything its master has. */
async function isInStep({ admin }: RedisServer): Promise<boolean> {
  return /role:master|master_link_status:up/.test(await admin.info('replication'))
}

async function addOurUser(servers: readonly RedisServer[], rules: string): Promise<void> {
  const { username, password } = OUR_USER
  for (const { admin } of servers)
    await admin.acl('SETUSER', username, 'on', `>${password}`, ...rules.split(' '))
}

interface ServerOptions {
  readonly folder?: string
  readonly certificateAuthority?: string
  readonly password?: string
}

async function startServer(
  t: Owner,
  more: readonly string[],
  { folder, certificateAuthority, password }: ServerOptions = {},
): Promise<RedisServer> {
  const port = await freePort()
  const directory = folder ?? (await newFolder(t))
  const isTls = certificateAuthority !== undefined
  const listen = isTls ? ['--port', '0', '--tls-port', `${port}`] : ['--port', `${port}`]
  const common = [
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
    '--dir',
    directory,
    '--repl-diskless-sync-delay',
    '0',
  ]
  const start = () => spawnServer(t, 'redis-server', [...listen, ...common, ...more], directory)
  let child = start()
  const admin = new Redis({
    host: '127.0.0.1',
    port,
    protocol: 2,
    retryStrategy: () => 20,
    maxRetriesPerRequest: null,
    ...(isTls ? { tls: { ca: certificateAuthority } } : {}),
    ...(password === undefined ? {} : { password }),
  })
  admin.on('error', () => {})
  t.teardown(() => admin.disconnect())
  await admin.ping()
  return {
    address: { host: '127.0.0.1', port },
    url: `redis://127.0.0.1:${port}`,
    admin,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'close')
    },
    async restart() {
      child = start()
      await admin.ping()
    },
  }
}

async function startSentinel(t: Owner, masterPort: number) {
  const port = await freePort()
  const folder = await newFolder(t)
  const file = join(folder, 'sentinel.conf')
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${folder}`,
      `sentinel monitor sessions 127.0.0.1 ${masterPort} 2`,
      'sentinel down-after-milliseconds sessions 1000',
      'sentinel failover-timeout sessions 3000',
    ].join('\n'),
  )
  spawnServer(t, 'redis-server', [file, '--sentinel'], folder)
  const admin = new Redis({ host: '127.0.0.1', port, protocol: 2, retryStrategy: () => 20 })
  admin.on('error', () => {})
  t.teardown(() => admin.disconnect())
  return { address: { host: '127.0.0.1', port }, admin }
}

async function knowsAll({ admin }: { readonly admin: Redis }): Promise<boolean> {
  const state = (await admin.call('SENTINEL', 'MASTER', 'sessions')) as string[]
  const field = (name: string) => state[state.indexOf(name) + 1]
  return field('num-slaves') === '1' && field('num-other-sentinels') === '2'
}

function spawnServer(
  t: Owner,
  program: string,
  args: readonly string[],
  cwd: string,
): ChildProcess {
  const child = spawn(program, args, { cwd, stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: 'ignore' })
  const [code] = (await once(child, 'close')) as [number]
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} exited with ${code}`)
}

async function newFolder(t: Owner): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-redis-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** Asks again and again: servers tell of such changes to nobody. */
export async function until(isSo: () => Promise<boolean> | boolean, atMostMs = 20_000) {
  const giveUpAtMs = Date.now() + atMostMs
  while (!(await isSo())) {
    if (Date.now() > giveUpAtMs) throw new Error(`not so within ${atMostMs} ms: ${isSo.toString()}`)
    await pause(20)
  }
}
