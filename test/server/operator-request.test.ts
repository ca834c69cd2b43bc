import t from 'tap'
import { directPeer, OPERATOR_PEER_HEADER, passedOnPeer } from '../../src/server/operator-peer.ts'
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
  ['0.0.0.0', '', false],
  ['10.1.2.1', '10.1.2.3', true],
  ['admin.internal', '10.1.2.3', true],
] as const
for (const [adminHost, peer, isOperator] of PEERS) {
  t.test(`SE-14 listening on ${adminHost}, asked by ${peer}: ${isOperator}`, async (t) => {
    const rule = createOperatorRequestRule(adminHost)
    const request = {
      method: 'POST',
      headers: { host: 'localhost:9090' },
      peer,
    }
    t.equal(rule(request), isOperator ? undefined : 'origin_refused')
  })
}

t.test(
  'who asks is said by the connection, or by the main process to its workers; by no client',
  async (t) => {
    const headers = { [OPERATOR_PEER_HEADER]: '127.0.0.1' }
    t.equal(directPeer({ headers, socket: { remoteAddress: '10.1.2.3' } }), '10.1.2.3')
    t.equal(directPeer({ headers, socket: {} }), '', 'also when the connection is gone')
    t.equal(passedOnPeer({ headers, socket: {} }), '127.0.0.1')
    t.equal(passedOnPeer({ headers: {}, socket: {} }), '')
  },
)
