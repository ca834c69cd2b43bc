import { createClosers } from './closers.ts'
import { runCrossTalk } from '../support/cross-talk.ts'

/**
 * AT-31 at its full length: `npm run bench:cross-talk [requests] [users]`. Ends with 1 when any caller got what was not his.
 */
const [requests = 100_000, users = 500] = process.argv.slice(2).map(Number)
const closers = createClosers()
const startedAtMs = performance.now()
const { outcome, gateway } = await runCrossTalk(closers, { users, requests, atOnce: 64 })
const { whole, cut, refused, left, wrong } = outcome
const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(0)
console.log(`${requests} requests by ${users} users in ${seconds} s:
  ${whole} answered whole, ${cut} broken off by the upstream, ${refused} refused (502, 503), ${left} left by their callers
  ${wrong.length} answers that were not the caller's own
  the gateway ${gateway.child.exitCode === null ? 'lives' : 'DIED'}`)
for (const one of wrong.slice(0, 10)) console.log(one.slice(0, 500))
await closers.closeAll()
process.exit(wrong.length === 0 && gateway.child.exitCode === null ? 0 : 1)
