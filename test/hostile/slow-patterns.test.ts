import t from 'tap'
import { privateCacheControl } from '../../src/domain/cache-policy.ts'
import { prefersHtml } from '../../src/domain/html-preference.ts'
import { configuredHeader } from '../../src/domain/identity-headers.ts'
import { mapRefresh } from '../../src/domain/location.ts'
import { requestFacts } from '../../src/domain/request-facts.ts'
import { sampleRoute } from '../support/sample-route.ts'
import { processorMs } from '../support/patience.ts'

const FAST_MS = 500 // what is quadratic takes seconds here, what is cubic hours
const HEADER = 32_000 // as long as an upstream's may be
const route = sampleRoute('/*', { upstream: { origin: 'http://up', basePath: '' } })

const spaces = (count: number): string => ' '.repeat(count)
const refresh = (text: string) => () => mapRefresh(text, route, 'http://public')

const facts = requestFacts('GET', {})
const refusals = (accept: string) => () => {
  for (let times = 0; times < 200; times++) prefersHtml(accept, facts)
}

const SOURCE = {
  claims: { name: `a,${spaces(200_000)}b` },
  session: undefined,
  requestId: '',
  method: '',
  host: '',
  path: '',
  clientAddress: '',
}

/** Texts that make a careless expression try every way to divide them. */
const CASES: readonly (readonly [string, () => unknown])[] = [
  ['AT-30 a Refresh of spaces', refresh(`5;url=${spaces(HEADER)}'x"`)],
  ['AT-30 a Refresh of spaces ahead of its name', refresh(`5;${spaces(HEADER)}x`)],
  ['AT-30 a Refresh of spaces ahead of its equals sign', refresh(`5;url${spaces(HEADER)}x`)],
  ['AT-30 a Cache-Control of spaces', () => privateCacheControl(`a${spaces(HEADER)}b`)],
  ['AT-30 a Cache-Control of quotes', () => privateCacheControl('"'.repeat(HEADER))],
  ['RL-7 two hundred refusals of an Accept of commas', refusals(','.repeat(16_000))],
  ['RL-7 two hundred refusals of an Accept of ranges', refusals('text/html;q=0,'.repeat(1_200))],
  ['AT-17 a claim of spaces', () => configuredHeader([{ claim: ['name'] }], SOURCE)],
]

for (const [name, work] of CASES) {
  t.test(`${name} costs no time`, async (t) => {
    t.ok(processorMs(work) < FAST_MS)
  })
}
