import t from 'tap'
import * as fc from 'fast-check'
import { randomBytes } from 'node:crypto'
import { packText, unpackText } from '../../src/session-store/packed-text.ts'

function packed(value: unknown): Buffer {
  return Buffer.from(packText(JSON.stringify(value)))
}

t.test('whatever JSON is packed comes back as it was', async () => {
  const token = fc.uint8Array({ minLength: 20, maxLength: 300 }).map((octets) => {
    return Buffer.from(octets).toString('base64url')
  })
  const value = fc.oneof(
    fc.json(),
    fc.array(fc.oneof(token, fc.string(), fc.string({ unit: 'binary' }), fc.jsonValue())),
  )
  fc.assert(
    fc.property(value, (some) => {
      const text = JSON.stringify(some)
      return unpackText(packed(some)) === text
    }),
    { numRuns: 500 },
  )
})

t.test('marks and control characters in values are only values', async (t) => {
  for (const value of ['\u0001', '\u0001a\u0001', `\u00012\u0001${'a'.repeat(40)}\u0001`, '']) {
    t.equal(unpackText(packed(value)), JSON.stringify(value))
  }
})

t.test('a token takes three octets for each four characters', async (t) => {
  const jwt = [60, 1_200, 256].map((bytes) => randomBytes(bytes).toString('base64url')).join('.')
  const { length } = packed(jwt)
  t.ok(length < 0.75 * jwt.length + 30, `${length} of ${jwt.length}`)
})

t.test('the size says nothing of what stands beside a secret', async (t) => {
  const secret = randomBytes(48).toString('base64url')
  const guess = randomBytes(48).toString('base64url')
  t.equal(packed([secret, secret]).length, packed([secret, guess]).length)
})
