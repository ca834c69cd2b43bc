import { hasUpstream, upstreamName, type Route } from '../../domain/route.ts'
import { probeUpstream } from '../../proxy/upstream-probe.ts'
import { createUpstreamPools, type UpstreamPool } from '../../proxy/upstream-pool.ts'
import { connectionFailure } from './connection-failure.ts'
import { failure, ok, skipped, warning, type Examination, type Finding } from './finding.ts'

const ANSWER_WITHIN_MS = 5_000

/** Asks every upstream, once for each way to reach it, over connections made as the gateway makes them. */
export function upstreamExamination(routes: readonly Route[]): Examination {
  return {
    subject: 'upstreams',
    async examine(tell) {
      const pools = createUpstreamPools(routes.filter(hasUpstream))
      const distinct = new Map<UpstreamPool, Route>()
      for (const route of routes.filter(hasUpstream)) {
        const pool = pools.poolOf(route)
        if (!distinct.has(pool)) distinct.set(pool, route)
      }
      if (distinct.size === 0) tell(skipped('upstream', 'no route has an upstream of its own'))
      try {
        const findings = [...distinct].map(([pool, route]) => examined(route, pool).then(tell))
        await Promise.all(findings)
      } finally {
        await pools.close()
      }
    },
  }
}

async function examined(route: Route, pool: UpstreamPool): Promise<Finding> {
  const name = `${upstreamName(route)}${route.upstream.http2 === true ? ' (HTTP/2)' : ''}`
  const { headersMs } = route.timeouts
  const withinMs = Math.min(ANSWER_WITHIN_MS, headersMs === 0 ? ANSWER_WITHIN_MS : headersMs)
  try {
    const answer = await probeUpstream(route, pool, withinMs)
    if (answer !== 'silent') return ok('upstream', `${name} answers (HEAD: ${answer.status})`)
    return warning(
      'upstream',
      `${name} takes connections, but left a HEAD request without answer for ${withinMs} ms`,
      `look into its log; requests of ${route.id} end with upstream_timeout if it stays silent`,
    )
  } catch (cause) {
    const { found, advice } = connectionFailure(cause, {
      address: `the upstream of ${route.id}`,
      certificateAuthority: 'tls.certificateAuthority of the route',
      serverName: 'its tls.serverName',
      clientCertificate: 'its tls.certificate and tls.key',
    })
    return failure('upstream', `${name}: ${found}`, advice)
  }
}
