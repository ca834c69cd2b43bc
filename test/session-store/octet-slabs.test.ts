import * as fc from 'fast-check'
import t from 'tap'
import { createOctetSlabs, type Block } from '../../src/session-store/octet-slabs.ts'

const SIZES = fc.oneof(
  fc.integer({ min: 0, max: 6_000 }),
  fc.constantFrom(
    0,
    1,
    511,
    512,
    513,
    575,
    576,
    577,
    1_024,
    1_025,
    65_535,
    65_536,
    65_537,
    200_000,
  ),
)
const STEPS = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ keep: SIZES, fill: fc.integer({ min: 1, max: 255 }) }) },
    { weight: 2, arbitrary: fc.record({ free: fc.nat() }) },
  ),
  { maxLength: 200 },
)

t.test(
  'whatever is kept and freed in whatever order, each block holds its own octets',
  async (t) => {
    fc.assert(
      fc.property(STEPS, (steps) => {
        const slabs = createOctetSlabs()
        const held: { block: Block; expected: Buffer }[] = []
        for (const step of steps) {
          if ('keep' in step) {
            const expected = Buffer.alloc(step.keep, step.fill)
            held.push({ block: slabs.keep(expected), expected })
          } else if (held.length > 0) {
            const [one] = held.splice(step.free % held.length, 1)
            slabs.free(one!.block)
          }
          for (const { block, expected } of held)
            if (!slabs.read(block).equals(expected)) return false
        }
        return true
      }),
      { numRuns: 300 },
    )
    t.pass('300 orders')
  },
)

t.test('what was freed is overwritten', async (t) => {
  const slabs = createOctetSlabs()
  const { slab, slot, length } = slabs.keep(Buffer.from('a refresh token, sealed'))
  const place = slab.octets.subarray(slot * slab.slotBytes).subarray(0, length)
  t.equal(String(place), 'a refresh token, sealed')
  slabs.free({ slab, slot, length })
  t.ok(place.equals(Buffer.alloc(length)), 'zeros')
})

t.test('a copy does not change with the place it was read from', async (t) => {
  const slabs = createOctetSlabs()
  const first = slabs.keep(Buffer.from('first'))
  const read = slabs.read(first)
  slabs.free(first)
  slabs.keep(Buffer.from('other'))
  t.equal(String(read), 'first')
})

t.test('rounding up wastes an eighth at most, and a peak goes back to the system', async (t) => {
  const slabs = createOctetSlabs()
  for (const size of [600, 2_256, 4_100, 9_000]) {
    const before = slabs.takenBytes()
    const blocks = Array.from({ length: 3_200 }, () => slabs.keep(Buffer.alloc(size)))
    const taken = slabs.takenBytes() - before
    t.ok(taken <= 3_200 * size * 1.13, `${size}: ${taken}`)
    for (const block of blocks) slabs.free(block)
    t.ok(slabs.takenBytes() - before <= 64 * 1024, `${size}: one slab stays`)
  }
})
