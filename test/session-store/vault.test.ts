import t from 'tap'
import * as fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import type { SessionRecord, Ticket } from '../../src/domain/session-record.ts'
import { vault } from '../../src/session-store/vault.ts'

const CANARY = 'eyJhbGciOiJub25lIn0.canary.token'

function newTicket(): Ticket {
  return { id: randomBytes(32).toString('base64url'), key: randomBytes(32).toString('base64url') }
}

const record: SessionRecord = {
  formatVersion: 1,
  issuer: 'https://op.example',
  subject: 'alice',
  sid: 'sid-1',
  claims: { sub: 'alice', name: 'Älice ☃', groups: ['a'] },
  createdAtMs: 1,
  endsAtMs: 2,
  refreshToken: CANARY,
  idToken: CANARY,
  accessTokens: [{ target: '', value: CANARY, obtainedAtMs: 1, expiresAtMs: 2 }],
}

t.test('what was sealed opens again, for the same ticket and version only', async (t) => {
  const ticket = newTicket()
  const sealed = vault.seal(ticket, 3, record)
  t.same(vault.open(ticket, 3, sealed), record)
  t.equal(vault.open(ticket, 2, sealed), undefined, 'another version')
  t.equal(vault.open(ticket, 4, sealed), undefined, 'another version')
  t.equal(vault.open({ ...ticket, key: newTicket().key }, 3, sealed), undefined, 'another key')
  t.equal(vault.open({ ...ticket, id: newTicket().id }, 3, sealed), undefined, 'another place')
})

t.test('any record comes back as it was, absent fields included', async () => {
  const anyRecord = fc.record(
    {
      formatVersion: fc.constant(1 as const),
      issuer: fc.webUrl(),
      subject: fc.string(),
      claims: fc.dictionary(fc.string(), fc.jsonValue()),
      sid: fc.string(),
      acr: fc.string(),
      authTimeMs: fc.nat(),
      refreshToken: fc.string(),
      nonce: fc.string(),
    },
    { requiredKeys: ['formatVersion', 'issuer', 'subject', 'claims'] },
  )
  const ticket = newTicket()
  fc.assert(
    fc.property(anyRecord, (some) => {
      const { createdAtMs, endsAtMs, accessTokens } = record
      const whole: SessionRecord = { createdAtMs, endsAtMs, accessTokens, ...some }
      const opened = vault.open(ticket, 1, vault.seal(ticket, 1, whole))
      return JSON.stringify(sorted(opened)) === JSON.stringify(sorted(whole))
    }),
    { numRuns: 200 },
  )
})

function sorted(value: object | undefined): unknown {
  return Object.entries(value ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
}

t.test('RT-13 S-21 a stolen store reads as noise', async (t) => {
  const ticket = newTicket()
  const dump = Buffer.concat([
    vault.seal(ticket, 1, record),
    Buffer.from(vault.storeKey(ticket.id)),
    Buffer.from(vault.indexKey('sub', record.issuer, record.subject)),
    Buffer.from(vault.indexKey('sid', record.issuer, 'sid-1')),
    Buffer.from(vault.transactionKey('state-1')),
  ]).toString('latin1')
  for (const secret of [
    'eyJ',
    'canary',
    'alice',
    'op.example',
    'sid-1',
    'state-1',
    ticket.id,
    ticket.key,
  ]) {
    t.notOk(dump.includes(secret), secret)
  }
})

t.test('the same record is never sealed to the same octets', async (t) => {
  const ticket = newTicket()
  t.notSame(vault.seal(ticket, 1, record), vault.seal(ticket, 1, record))
})

t.test('SE-24 another format, damage and garbage count as absent', async (t) => {
  const ticket = newTicket()
  const sealed = vault.seal(ticket, 1, record)
  t.equal(vault.open(ticket, 1, new Uint8Array()), undefined)
  t.equal(vault.open(ticket, 1, sealed.subarray(0, 20)), undefined)
  t.equal(
    vault.open(
      ticket,
      1,
      Uint8Array.from(sealed, (octet, at) => (at === 0 ? 1 : octet)),
    ),
    undefined,
  )
  const newer = { ...record, formatVersion: 2 } as unknown as SessionRecord
  t.equal(vault.open(ticket, 1, vault.seal(ticket, 1, newer)), undefined)
})

t.test('every changed octet is noticed', async () => {
  const ticket = newTicket()
  const sealed = vault.seal(ticket, 1, record)
  fc.assert(
    fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = Uint8Array.from(sealed, (octet, index) =>
        index === at ? octet ^ flip : octet,
      )
      return vault.open(ticket, 1, damaged) === undefined
    }),
    { numRuns: 200 },
  )
})

t.test('any octets and any ticket are refused without an error', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.string(), fc.string(), (sealed, id, key) => {
      return vault.open({ id, key }, 1, sealed) === undefined
    }),
    { numRuns: 200 },
  )
})

t.test('names of different kinds, issuers and values never meet', async (t) => {
  const names = [
    vault.storeKey('x'),
    vault.transactionKey('x'),
    vault.indexKey('sid', 'x', 'y'),
    vault.indexKey('sub', 'x', 'y'),
    vault.indexKey('sub', 'xy', ''),
    vault.indexKey('sub', '', 'xy'),
    vault.indexKey('sub', 'x","y', ''),
    vault.indexKey('sub', 'x', '","y'),
  ]
  t.equal(new Set(names).size, names.length)
  t.equal(vault.storeKey('x'), names[0], 'the same every time')
})

t.test('sealing adds little: 29 octets and the JSON around the tokens', async (t) => {
  const claims = Buffer.byteLength(JSON.stringify(record.claims))
  const tokens = 3 * CANARY.length
  t.ok(vault.seal(newTicket(), 1, record).length - tokens - claims < 400)
})
