import t from 'tap'
import { watchingClockSkew } from '../../src/oidc/clock-skew.ts'

const TOLERANCE_MS = 15_000
const ahead = (seconds: number) => new Date(Date.now() - seconds * 1_000).toUTCString()

const CASES: readonly (readonly [string, Record<string, string>, RegExp | undefined])[] = [
  ['the same time', { date: ahead(0) }, undefined],
  ['a little ahead', { date: ahead(10) }, undefined],
  ['a little behind', { date: ahead(-10) }, undefined],
  ['no date', {}, undefined],
  ['garbage', { date: 'yesterday' }, undefined],
  ['an answer out of a cache', { date: ahead(3_600), age: '3600' }, undefined],
  ['a minute ahead', { date: ahead(60) }, /clock is (59|60) s ahead of/],
  ['a minute behind', { date: ahead(-60) }, /clock is (59|60) s behind/],
]
for (const [what, headers, told] of CASES) {
  t.test(`OB-9 our clock against the provider's: ${what}`, async (t) => {
    const messages: string[] = []
    const answer = new Response('{}', { headers })
    const fetch = watchingClockSkew(
      async () => answer,
      TOLERANCE_MS,
      (message) => messages.push(message),
    )
    t.equal(await fetch('https://op.example/'), answer)
    if (told === undefined) t.strictSame(messages, [])
    else t.match(messages, [told])
  })
}
