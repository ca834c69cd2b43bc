import type { Path } from '../decode-report.ts'
import { isLoopback } from '../formats/web-address.ts'
import type { Draft, RuleReport } from './draft.ts'

type Redis = NonNullable<NonNullable<NonNullable<Draft>['session']>['redis']>

const PLACES = ['url', 'sentinels', 'nodes'] as const

/** What the keys of `session.redis` must agree on. */
export function checkRedis(draft: Draft, report: RuleReport): void {
  const { store, redis } = draft?.session ?? {}
  const isWritten = report.isWritten(['session', 'redis'])
  if (store === 'redis' && !isWritten)
    report.problem(
      ['session', 'store'],
      'is redis, which needs session.redis, such as redis: { url: "redis://redis:6379" }',
    )
  if (redis === undefined) return
  if (store !== undefined && store !== 'redis')
    report.warning(place(), `has no effect: session.store is ${store}`)
  checkPlaces(report)
  checkSentinels(report)
  checkCredentials(redis, report)
  checkDatabase(redis, report)
  checkTls(redis, report)
}

function checkPlaces(report: RuleReport): void {
  const given = PLACES.filter((key) => report.isWritten(place(key)))
  if (given.length === 0)
    report.problem(
      place(),
      'must say where Redis is: url for one server, sentinels and masterName, or nodes of a Cluster',
    )
  for (const key of given.slice(1))
    report.problem(place(key), `cannot be given beside ${given[0]}: both say where Redis is`)
}

function checkSentinels(report: RuleReport): void {
  const hasSentinels = report.isWritten(place('sentinels'))
  if (hasSentinels && !report.isWritten(place('masterName')))
    report.problem(
      place('sentinels'),
      'need masterName: what they call the group of master and replicas',
    )
  if (hasSentinels) return
  for (const key of ['masterName', 'sentinelUsername', 'sentinelPassword'])
    if (report.isWritten(place(key))) report.problem(place(key), 'is for sentinels only')
}

function checkCredentials({ url }: Redis, report: RuleReport): void {
  for (const [user, password] of [
    ['username', 'password'],
    ['sentinelUsername', 'sentinelPassword'],
  ] as const) {
    if (report.isWritten(place(user)) && !report.isWritten(place(password)))
      report.problem(place(user), `needs ${password}`)
  }
  for (const key of ['username', 'password'] as const)
    if (url?.[key] !== undefined && report.isWritten(place(key)))
      report.problem(place(key), 'is in the url too: leave one of them out')
}

function checkDatabase({ url, database, nodes }: Redis, report: RuleReport): void {
  if (url?.database !== undefined && report.isWritten(place('database')))
    report.problem(place('database'), 'is in the url too: leave one of them out')
  if (nodes !== undefined && database !== undefined && database !== 0)
    report.problem(place('database'), 'must be 0: a Cluster has no other')
}

function checkTls({ url, sentinels, nodes }: Redis, report: RuleReport): void {
  const hasTls = report.isWritten(place('tls'))
  if (url?.tls === false && hasTls)
    report.problem(place('tls'), 'does not go with redis://: write rediss://')
  if (url?.tls === true || hasTls) return
  const hosts = [url, ...(sentinels ?? []), ...(nodes ?? [])].map((server) => server?.host)
  if (hosts.some((host) => host !== undefined && !isLocal(host)))
    report.warning(
      place(PLACES.find((key) => report.isWritten(place(key)))),
      'without TLS the password of Redis and the names of sessions cross the network readable; sessions themselves are sealed',
    )
}

function isLocal(host: string): boolean {
  return isLoopback(new URL(`http://${host.includes(':') ? `[${host}]` : host}`))
}

function place(key?: string): Path {
  return key === undefined ? ['session', 'redis'] : ['session', 'redis', key]
}
