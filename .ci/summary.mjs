// Prints tap's own totals as "N passed, N failed": node .ci/summary.mjs FILE.tap
import { readFileSync } from 'node:fs'

const text = readFileSync(process.argv[2] ?? 'build/test.tap', 'utf8')
const totals = [...text.matchAll(/^# (\{ total: .*\})$/gm)].at(-1)?.[1]
if (totals === undefined) throw new Error('the test run ended without its totals')

const count = (name) => Number(new RegExp(`\\b${name}: (\\d+)`).exec(totals)?.[1] ?? 0)
for (const word of ['skip', 'todo']) {
  if (count(word) > 0) console.log(`${word}: ${count(word)}`)
}
console.log(`${count('pass')} passed, ${count('fail')} failed`)
