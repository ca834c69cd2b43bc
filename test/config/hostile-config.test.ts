import * as fc from 'fast-check'
import t from 'tap'
import { isCollection, LineCounter, parseDocument, visit, type Scalar } from 'yaml'
import { problemsOf, SECRET } from './config-bed.ts'
import { EVERY_KEY } from './every-key.ts'

const WRONG_VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  '',
  ' ',
  'x',
  '/',
  '//',
  '${',
  '${NAME}',
  '${claims.a}',
  '$${',
  'http://[',
  'https://x',
  'unix:',
  '\u0000',
  '\ud800',
  [],
  [null],
  [[]],
  {},
  { a: 1 },
  [{}],
  { set: null },
  [{ path: '/a' }],
  '__proto__',
  ['__proto__'],
]

t.test('whatever one value is replaced by, the answer is a list of problems or none', async (t) => {
  const places: (readonly [unknown, ...unknown[]])[] = []
  visit(parseDocument(EVERY_KEY), {
    Pair: (_, pair, ancestors) => {
      const keys = ancestors.flatMap((node, at) => stepOf(node, ancestors[at + 1]))
      places.push([...keys, (pair.key as { value: string }).value] as [unknown])
    },
  })
  const place = fc.constantFrom(...places)
  const run = fc.property(place, fc.constantFrom(...WRONG_VALUES), (path, value) => {
    const document = parseDocument(EVERY_KEY)
    document.setIn(path, document.createNode(value))
    const problems = problemsOf(String(document))
    return problems.every(
      (problem) => problem.startsWith('gateway.yaml:') && !problem.includes(SECRET),
    )
  })
  fc.assert(run, { numRuns: 300 })
  t.ok(places.length > 60)
})

/** Under these stand names of the outside, not ours. */
const OF_OTHERS = ['set', 'claims', 'authorizationParameters']

t.test('CF-1 a misspelt key refuses to start at its place, whichever it is', async (t) => {
  const lineCounter = new LineCounter()
  const keys: Scalar<string>[] = []
  visit(parseDocument(EVERY_KEY, { lineCounter }), {
    Pair: (_, pair) => {
      const key = pair.key as Scalar<string>
      keys.push(key)
      return OF_OTHERS.includes(key.value) ? visit.SKIP : undefined
    },
  })
  for (const { value, range } of keys) {
    const [start = 0, end = 0] = range ?? []
    const { line, col } = lineCounter.linePos(start)
    const misspelt = `${EVERY_KEY.slice(0, start)}${value}z${EVERY_KEY.slice(end)}`
    const place = `gateway.yaml:${line}:${col}: `
    const found = problemsOf(misspelt).filter((problem) => problem.startsWith(place))
    t.match(found.join(), new RegExp(`unknown key "${value}z"; did you mean "`), place + value)
  }
  t.ok(keys.length > 120, `${keys.length} keys`)
})

const many = 200_000
const OVERGROWN: Record<string, string> = {
  'open brackets': '['.repeat(many),
  'closed brackets': '['.repeat(many) + ']'.repeat(many),
  'nested maps': '{a: '.repeat(many),
  'nested lists': '- '.repeat(many),
  'ever deeper lines': Array.from({ length: 1_000 }, (_, depth) => `${' '.repeat(depth)}a:`).join(
    '\n',
  ),
  'stray quotes': '"'.repeat(50_001),
  'a chain of aliases': Array.from(
    { length: 3_000 },
    (_, n) => `k${n}: &a${n} [${n > 0 ? `*a${n - 1}` : 'x'}]`,
  ).join('\n'),
}
for (const [what, text] of Object.entries(OVERGROWN)) {
  t.test(`a file of ${what} is refused, and soon`, { timeout: 20_000 }, async (t) => {
    t.ok(problemsOf(text).length > 0)
  })
}

t.test('RL-8 whatever the text is, reading it ends and pollutes nothing', async (t) => {
  const word = fc.constantFrom(
    ...[
      'a',
      '- ',
      ': ',
      '\n',
      '  ',
      '{',
      '}',
      '[',
      ']',
      '&x ',
      '*x',
      '!!str ',
      '|\n',
      '"',
      "'",
      '#',
      '\t',
      '---\n',
      '%',
      '? ',
      '<<',
      '__proto__: ',
      '${',
      'routes:',
    ],
  )
  const text = fc.array(word, { maxLength: 60 }).map((words) => words.join(''))
  fc.assert(
    fc.property(text, (text) => problemsOf(text).length > 0),
    { numRuns: 1_000 },
  )
  t.same(Object.keys(Object.prototype), [])
})

function stepOf(node: unknown, child: unknown): unknown[] {
  if (!isCollection(node)) return []
  const at = node.items.indexOf(child as never)
  const item = node.items[at] as { key?: { value: string } } | undefined
  return [item?.key === undefined ? at : item.key.value]
}
