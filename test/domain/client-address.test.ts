import { isIP } from 'node:net'
import * as fc from 'fast-check'
import t from 'tap'
import { clientAddress, parseTrustedProxies } from '../../src/domain/client-address.ts'

const NOBODY = parseTrustedProxies([])
const INSIDE = parseTrustedProxies(['10.0.0.0/8', '192.0.2.7', 'fd00::/8', '::1'])

const CASES = [
  // peer, X-Forwarded-For, address, peer trusted
  ['203.0.113.9', undefined, '203.0.113.9', false],
  ['203.0.113.9', '1.2.3.4', '203.0.113.9', false],
  ['10.0.0.1', undefined, '10.0.0.1', true],
  ['10.0.0.1', '', '10.0.0.1', true],
  ['10.0.0.1', '198.51.100.1', '198.51.100.1', true],
  ['10.0.0.1', '6.6.6.6, 198.51.100.1', '198.51.100.1', true],
  ['10.0.0.1', '6.6.6.6, 198.51.100.1, 10.0.0.2', '198.51.100.1', true],
  ['10.0.0.1', '6.6.6.6,198.51.100.1,10.0.0.3,10.0.0.2', '198.51.100.1', true],
  ['10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3', true],
  ['192.0.2.7', '198.51.100.1', '198.51.100.1', true],
  ['192.0.2.8', '198.51.100.1', '192.0.2.8', false],
  // IPv6, and IPv4 inside it
  ['::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1', true],
  ['::ffff:203.0.113.9', '198.51.100.1', '203.0.113.9', false],
  ['fd00::1', '2001:db8::1', '2001:db8::1', true],
  ['fd00::1', '[2001:db8::1]:4711', '2001:db8::1', true],
  ['fd00::1', '[2001:db8::1]', '2001:db8::1', true],
  ['fd00::1', '"[2001:db8::1]:4711"', '2001:db8::1', true],
  ['::1', '::ffff:6.6.6.6, ::ffff:10.0.0.5', '6.6.6.6', true],
  ['::1', '::ffff:0606:0606', '6.6.6.6', true],
  ['::1', '0:0:0:0:0:ffff:0a00:0005', '10.0.0.5', true],
  ['::1', '2001:db8::ffff:606:606', '2001:db8::ffff:606:606', true],
  ['fe80::1%eth0', '6.6.6.6', 'fe80::1', false],
  // ports
  ['10.0.0.1', '198.51.100.1:4711', '198.51.100.1', true],
  ['10.0.0.1', '198.51.100.1:4711, 10.0.0.2:80', '198.51.100.1', true],
  // garbage ends the walk
  ['10.0.0.1', 'unknown', '10.0.0.1', true],
  ['10.0.0.1', '6.6.6.6, unknown', '10.0.0.1', true],
  ['10.0.0.1', '6.6.6.6, _hidden, 10.0.0.2', '10.0.0.2', true],
  ['10.0.0.1', '6.6.6.6, ', '10.0.0.1', true],
  ['10.0.0.1', '6.6.6.6, 10.0.0.2, ,10.0.0.3', '10.0.0.3', true],
  ['10.0.0.1', '1.2.3.4.5', '10.0.0.1', true],
  ['10.0.0.1', '256.1.1.1', '10.0.0.1', true],
  ['10.0.0.1', '[::1', '10.0.0.1', true],
  ['10.0.0.1', 'for=6.6.6.6', '10.0.0.1', true],
  ['10.0.0.1', '6.6.6.6 10.0.0.2', '10.0.0.1', true],
  ['', '6.6.6.6', '', false],
] as const

for (const [peer, forwardedFor, address, peerTrusted] of CASES) {
  t.test(`FW-3 ${peer} says "${forwardedFor}"`, async (t) => {
    t.same(clientAddress(peer, forwardedFor, INSIDE), { address, peerTrusted })
  })
}

t.test('FW-3 nobody is trusted by default', async (t) => {
  for (const peer of ['127.0.0.1', '::1', '10.0.0.1', '0.0.0.0']) {
    t.same(clientAddress(peer, '6.6.6.6', NOBODY), { address: peer, peerTrusted: false })
  }
})

t.test('FW-3 F1 what is no address or block is refused, hop counts first', async (t) => {
  for (const entry of [
    '1',
    '2',
    'true',
    'loopback',
    '',
    'localhost',
    '10.0.0.0/33',
    '::/129',
    '10.0.0/8',
    '10.0.0.0/',
    '/8',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
    '*',
    '0',
  ]) {
    t.throws(() => parseTrustedProxies([entry]), RangeError, entry)
  }
  t.doesNotThrow(() => parseTrustedProxies(['0.0.0.0/0', '::/0', '10.0.0.1/32', '2001:db8::/32']))
})

t.test('a whole family can be trusted', async (t) => {
  const everyone = parseTrustedProxies(['0.0.0.0/0'])
  t.same(clientAddress('203.0.113.9', '6.6.6.6, 7.7.7.7', everyone), {
    address: '6.6.6.6',
    peerTrusted: true,
  })
  t.equal(clientAddress('2001:db8::1', '6.6.6.6', everyone).peerTrusted, false)
})

const entries = fc.array(
  fc.oneof(
    fc.ipV4(),
    fc.ipV4().map((address) => `${address}:80`),
    fc.ipV6(),
    fc.constantFrom('10.1.2.3', '10.9.9.9', '', 'unknown', 'x y'),
  ),
  { maxLength: 6 },
)

t.test(
  'FW-3 what a client writes to the left of the last foreign address never matters',
  async (t) => {
    fc.assert(
      fc.property(
        entries,
        entries,
        fc.ipV4().filter((address) => !address.startsWith('10.')),
        (forged, more, client) => {
          const honest = [client, '10.0.0.2', '10.0.0.3'].join(', ')
          const told = clientAddress(
            '10.0.0.1',
            [...forged, ...more, honest].join(', '),
            INSIDE,
          ).address
          return told === clientAddress('10.0.0.1', honest, INSIDE).address
        },
      ),
    )
    t.pass()
  },
)

t.test('the answer is an address, whatever the header says', async (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        entries.map((list) => list.join(',')),
        fc.string(),
      ),
      (header) => isIP(clientAddress('10.0.0.1', header, INSIDE).address) !== 0,
    ),
  )
  t.pass()
})
