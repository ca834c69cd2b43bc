import t from 'tap'
import type { TokenCall } from './token-calls.ts'
import { judge, type Evidence } from './verdict.ts'

const GRANT: TokenCall = {
  by: 'a-1',
  grantType: 'refresh_token',
  subject: 'alice',
  tokenId: 'token 1',
  decidedMs: 10_000,
  wasCut: false,
}
const SIGN_OUT = { name: 'alice', signedInAtMs: 0, through: 'b-1', reason: 'refresh_rejected' }

/** What a-1 wrote of alice's refreshes, by the time. */
function evidence(log: Readonly<Record<string, number>>): Evidence {
  const ends = Object.entries(log)
  return {
    calls: { lastRefresh: () => GRANT },
    ledger: { servedBy: () => new Set() },
    windows: { overlaps: () => false },
    incarnations: [{ id: 'a-1', killsMs: [] }],
    log: {
      refreshes: (_asked: unknown, _subject: string, span: { fromMs: number; toMs: number }) =>
        ends.filter(([, atMs]) => atMs >= span.fromMs && atMs <= span.toMs).map(([event]) => event),
    },
  } as unknown as Evidence
}

t.test('an answer that the gateway had given up before is a documented loss', async (t) => {
  const log = evidence({ refresh_failed: 9_990 })
  t.equal(judge(log, { ...SIGN_OUT, atMs: 10_500 }).isDocumented, true)
})

t.test('… also when the user is served again: his next session is another', async (t) => {
  const log = evidence({ refresh_failed: 9_990, refresh_succeeded: 14_000 })
  t.equal(judge(log, { ...SIGN_OUT, atMs: 10_500 }).isDocumented, true)
})

t.test('an answer that arrived and is lost is nobody but our fault', async (t) => {
  const log = evidence({ refresh_failed: 9_000, refresh_succeeded: 10_010 })
  t.equal(judge(log, { ...SIGN_OUT, atMs: 10_500 }).isDocumented, false)
})
