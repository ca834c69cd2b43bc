import t, { type Test } from 'tap'
import { startReplicas, type Replicas } from '../support/faults-replicas.ts'
import { startSteadyLoad, type LoadAnswer } from '../support/faults-steady-load.ts'
import {
  redisSection,
  startRedisCluster,
  startSentinelRedis,
  until,
  type RedisServer,
} from '../support/redis-servers.ts'
import { BUSY_MS } from '../support/patience.ts'

const USERS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank']
const EVERY_MS = 25
const WITHIN_MS = 1_000
const ROUNDS = 10 // through each replica

const BEDS = {
  'a Sentinel group': startSentinelRedis,
  'a Cluster': startRedisCluster,
}

for (const [what, startBed] of Object.entries(BEDS)) {
  t.test(
    `SE-17 RT-2 the master of ${what} is killed under load: 503 for a moment, nobody is signed out`,
    async (t) => {
      const bed = await startBed(t)
      const [master] = bed.servers as [RedisServer]
      const replicas = await startReplicas(t, {
        session: { store: 'redis', redis: redisSection(bed.options) },
      })
      const { a, b, provider } = replicas
      const visitors = await Promise.all(USERS.map((name) => replicas.signedIn(name)))
      const load = startSteadyLoad(visitors, [a, b], EVERY_MS)
      await load.untilServed(ROUNDS)
      const before = load.answers.length
      await master.kill()
      await load.untilServed(ROUNDS)
      await everybodyIsRefreshed(replicas)
      await load.stop()

      onlyServedOrUnavailable(t, load.answers.slice(before))
      t.ok(
        load.answers.slice(0, before).every(({ status }) => status === 200),
        'as long as all was well everything was served',
      )
      t.same(
        provider.events.filter(({ type }) => type === 'grant.error' || type === 'grant.revoked'),
        [],
        'no refresh token was spent twice',
      )
      for (const replica of [a, b]) t.notMatch(replica.logText(), '"event":"session_ended"')
    },
  )
}

/**
 * What the new master has is what the old one had: its refresh tokens are good. Twice: a first refresh
 * may have begun before the master died, the next one needs a lease of the new one.
 */
async function everybodyIsRefreshed({ refreshesOf }: Replicas): Promise<void> {
  const before = new Map(USERS.map((name) => [name, refreshesOf(name)]))
  await until(() => USERS.every((name) => refreshesOf(name) > (before.get(name) ?? 0) + 1))
}

function onlyServedOrUnavailable(t: Test, answers: readonly LoadAnswer[]): void {
  const served = answers.filter(({ status }) => status === 200)
  const refused = answers.filter(({ status }) => status !== 200)
  t.ok(
    served.every(({ echo, name }) => echo?.subject === name),
    'with a token of the right user',
  )
  t.same(
    refused.filter((answer) => !isDocumented(answer)),
    [],
    'the others are told within a second to come again',
  )
  const [first, last] = [refused.at(0), refused.at(-1)]
  const windowMs = (last?.atMs ?? 0) - (first?.atMs ?? 0)
  const slowestMs = Math.max(0, ...refused.map(({ tookMs }) => tookMs))
  t.comment(
    `${served.length} served, ${refused.length} refused over ${Math.round(windowMs)} ms, ` +
      `the slowest after ${Math.round(slowestMs)} ms`,
  )
}

function isDocumented({ status, reason, headers, tookMs }: LoadAnswer): boolean {
  const isUnavailable = status === 503 && reason === 'store_unavailable'
  const isPolite = headers['retry-after'] !== undefined && headers['set-cookie'] === undefined
  return isUnavailable && isPolite && tookMs < WITHIN_MS + BUSY_MS
}
