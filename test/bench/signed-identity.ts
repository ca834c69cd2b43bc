import { generateKeyPairSync } from 'node:crypto'
import { freePort } from '../support/gateway.ts'
import {
  interleave,
  mustHaveNoFailures,
  ratios,
  smallRequests,
  type Rounds,
} from './interleaved.ts'
import { startUpstream } from './servers.ts'
import { startSignedInGateway } from './signed-in-gateway.ts'
import { targetRow } from './target.ts'

const BODY_BYTES = 250

/** A route whose upstream gets a signed statement about the caller, beside one without: signing is paid for once in a while. */
export async function measureSignedIdentity(rounds: Rounds): Promise<string> {
  const upstream = await startUpstream(await freePort(), BODY_BYTES)
  const origin = `http://127.0.0.1:${upstream.port}`
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const identity = { keys: [privateKey.export({ type: 'pkcs8', format: 'pem' })] }
  const route = { path: '/*', upstream: origin }
  const configs = [
    { identity, routes: [{ ...route, identity: { claims: ['email'] } }] },
    { routes: [route] },
  ]
  const contestants = []
  for (const config of configs) {
    const server = await startSignedInGateway(await freePort(), origin, { config })
    contestants.push({ server, plan: smallRequests(server.cookie) })
  }
  const [signed = [], plain = []] = await interleave(contestants, rounds)
  mustHaveNoFailures('signed identity', [...signed, ...plain])
  return targetRow('with a signed identity / without, CPU per request', ratios(signed, plain), {
    kind: 'most',
    value: 1.15,
  })
}
