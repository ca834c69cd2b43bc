import { median, spread } from './spread.ts'

/** One line of the table of targets: what was found, in words a reader can check against the target. */
export function targetRow(what: string, values: readonly number[], limit: Limit): string {
  const found = median(values)
  const misses = limit.kind === 'most' ? found > limit.value : found < limit.value
  const sign = limit.kind === 'most' ? '≤' : '≥'
  const verdict = misses ? `missed by ${Math.abs(found - limit.value).toFixed(2)}` : 'met'
  const unit = limit.unit ?? ''
  return `| ${what} | ${spread(values)}${unit} | ${sign} ${limit.value}${unit} | ${verdict} |`
}

export interface Limit {
  readonly kind: 'most' | 'least'
  readonly value: number
  readonly unit?: string
}

/** Tells what could not be measured, so that nobody takes its absence for a pass. */
export function skipped(what: string, why: string): string {
  console.error(`\n*** NOT MEASURED: ${what}: ${why} ***\n`)
  return `| ${what} | not measured: ${why} | | |`
}
