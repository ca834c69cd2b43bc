import t from 'tap'
import { runCrossTalk } from '../support/cross-talk.ts'
import { until } from '../support/redis-servers.ts'

t.setTimeout(120_000) // ten seconds of work, on machines that have other things to do
const REQUESTS = 4_000 // the whole hundred thousand: npm run bench:cross-talk

t.test(
  'AT-31 HX-31 callers who leave and an upstream that breaks never mix up answers',
  async (t) => {
    const plan = { users: 500, requests: REQUESTS, atOnce: 48 }
    const { outcome, gateway } = await runCrossTalk(t, plan)
    const { whole, cut, refused, left, wrong } = outcome
    t.same(wrong, [])
    t.equal(whole + cut + refused + left, REQUESTS)
    for (const each of [whole, cut, refused, left]) t.ok(each > REQUESTS / 50, `${each} of them`)
    t.equal(gateway.child.exitCode, null)
    const idle = /^bearergate_requests_in_flight 0$/m
    await until(async () => idle.test((await gateway.ask('/metrics')).body))
    t.pass('no exchange is left behind')
  },
)
