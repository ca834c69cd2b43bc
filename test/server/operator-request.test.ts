import t from 'tap'
import { createOperatorRequestRule } from '../../src/server/operator-request.ts'

/** Where the listener listens, who asks, and whether he is an operator. */
const PEERS = [
  ['127.0.0.1', '127.0.0.1', true],
  ['0.0.0.0', '127.0.0.1', true],
  ['0.0.0.0', '127.8.8.8', true],
  ['::', '::ffff:127.0.0.1', true],
  ['::', '::1', true],
  ['0.0.0.0', '10.1.2.3', false],
  ['0.0.0.0', '172.17.0.1', false],
  ['::', '::ffff:10.1.2.3', false],
  ['::', 'fd00::1', false],
  ['::', '::127.0.0.1', false],
  ['0.0.0.0', undefined, false],
  ['10.1.2.1', '10.1.2.3', true],
  ['admin.internal', '10.1.2.3', true],
] as const
for (const [adminHost, remoteAddress, isOperator] of PEERS) {
  t.test(`SE-14 listening on ${adminHost}, asked by ${remoteAddress}: ${isOperator}`, async (t) => {
    const rule = createOperatorRequestRule(adminHost)
    const request = {
      method: 'POST',
      headers: { host: 'localhost:9090' },
      socket: { remoteAddress },
    }
    t.equal(rule(request), isOperator ? undefined : 'origin_refused')
  })
}
