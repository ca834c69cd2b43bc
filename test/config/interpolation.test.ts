import t from 'tap'
import { interpolate } from '../../src/config/interpolation.ts'

const source = {
  env: { NAME: 'value', NESTED: '${NAME}', EMPTY: '' },
  readFile: (path: string) =>
    path === 'two lines' ? { value: 'a\nb\n' } : { wrong: 'does not exist' },
}

const WHOLE: Record<string, string> = {
  plain: 'plain',
  'a $ b $$ c {}': 'a $ b $$ c {}',
  '${NAME}': 'value',
  'a-${NAME}-${NAME}': 'a-value-value',
  '$${NAME}': '${NAME}',
  '$$${NAME}': '$${NAME}',
  '$${NAME} ${NAME}': '${NAME} value',
  '${NESTED}': '${NAME}',
  '${file:two lines}': 'a\nb',
}
for (const [text, expected] of Object.entries(WHOLE)) {
  t.test(`${JSON.stringify(text)} becomes ${JSON.stringify(expected)}`, async (t) => {
    const { parts, problems } = interpolate(text, source, 'fixed text')
    t.same(parts, [expected])
    t.same(problems, [])
  })
}

const CLAIMS: Record<string, unknown[]> = {
  '${claims.email}': [{ claim: ['email'] }],
  '${claims.address.country}!': [{ claim: ['address', 'country'] }, '!'],
  'a ${claims["https://acme.example/roles"]}': ['a ', { claim: ['https://acme.example/roles'] }],
  "${claims['a}b'].c}": [{ claim: ['a}b', 'c'] }],
  '${session.subject} ${session.auth_time}': [
    { session: 'subject' },
    ' ',
    { session: 'auth_time' },
  ],
  '${request.path}?${request.client_address}': [
    { request: 'path' },
    '?',
    { request: 'client_address' },
  ],
  '${claims.a}${claims.b}${NAME}': [{ claim: ['a'] }, { claim: ['b'] }, 'value'],
}
for (const [text, expected] of Object.entries(CLAIMS)) {
  t.test(`a header may be ${text}`, async (t) => {
    t.same(interpolate(text, source, 'live values').parts, expected)
  })
}

const UNKNOWN = [
  '${session.id}',
  '${session.toString}',
  '${session.}',
  '${session["subject"]}',
  '${session.subject.length}',
  '${request.query}',
  '${request.cookie}',
  '${request.__proto__}',
]
for (const text of UNKNOWN) {
  t.test(`a header may not be ${text}`, async (t) => {
    t.equal(interpolate(text, source, 'live values').problems.length, 1)
  })
}

t.test('an environment variable may be called as what is known of a request', async (t) => {
  const named = { ...source, env: { session: 'a', request: 'b' } }
  t.same(interpolate('${session}${request}', named, 'live values').parts, ['ab'])
})

const WRONG = [
  '${}',
  '${ NAME }',
  '${NAME:-x}',
  '${NAME',
  '${UNSET}',
  '${EMPTY}',
  '${toString}',
  '${__proto__}',
  '${file:}',
  '${file:gone}',
  '${claims.email}',
  '${session.subject}',
  '${session["subject"]}',
  '${request.path}',
]
for (const text of WRONG) {
  t.test(`${text} is a problem`, async (t) => {
    t.equal(interpolate(text, source, 'fixed text').problems.length, 1)
  })
}

for (const text of [
  '${claims}',
  '${claims.}',
  '${claims..a}',
  '${claims[0]}',
  '${claims["a]}',
  '${claims.__proto__}',
  '${claims["__proto__"]}',
  '${claims.a b}',
]) {
  t.test(`${text} names no claim`, async (t) => {
    t.equal(interpolate(text, source, 'live values').problems.length, 1)
  })
}

t.test('each problem names its placeholder', async (t) => {
  const { problems } = interpolate('$${x} ${NAME} ${UNSET} ${EMPTY}', source, 'fixed text')
  t.same(
    problems.map(({ at }) => at),
    [2, 3],
  )
})
