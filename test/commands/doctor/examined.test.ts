import t from 'tap'
import { examined } from '../../../src/commands/doctor/examined.ts'
import { ok } from '../../../src/commands/doctor/finding.ts'

const forEver = () => new Promise<void>(() => undefined)

t.test('an examination that does not end is cut off: what it found counts', async (t) => {
  const told = await examined(
    {
      subject: 'x',
      examine(tell) {
        tell(ok('a', 'found in time'))
        return forEver()
      },
    },
    { withinMs: 20, secrets: [] },
  )
  t.match(told, {
    subject: 'x',
    findings: [{ status: 'ok' }, { status: 'fail', check: 'unfinished' }],
  })
})

t.test('what comes late is not told', async (t) => {
  let tellLater = (): void => undefined
  const controller = new AbortController()
  const running = examined(
    {
      subject: 'x',
      examine(tell) {
        tellLater = () => tell(ok('a', 'late'))
        return forEver()
      },
    },
    { withinMs: 60_000, secrets: [], signal: controller.signal },
  )
  controller.abort()
  const { findings } = await running
  tellLater()
  t.match(findings, [{ check: 'unfinished' }])
  t.equal(findings.length, 1)
})

t.test(
  'a failure that nobody expected is told, without secrets and control characters',
  async (t) => {
    const told = await examined(
      {
        subject: 'x',
        examine: async () => {
          throw new Error('it said hush-hush \u001b[2J', { cause: new Error('and p%40ss-word') })
        },
      },
      { withinMs: 60_000, secrets: ['hush-hush', 'p%40ss-word', 'it'] },
    )
    const [{ found } = { found: '' }] = told.findings
    t.equal(found, 'it said [masked] \\x1b[2J: and [masked]')
  },
)
