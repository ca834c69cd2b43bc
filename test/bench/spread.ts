/** The middle of the values; `NaN` of none. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Median and extremes as text: `1.02 (0.98–1.07)`. */
export function spread(values: readonly number[], digits = 2): string {
  return text(median(values), Math.min(...values), Math.max(...values), digits)
}

/** Median and quartiles as text: for many short rounds, whose extremes are those of the machine. */
export function middleHalf(values: readonly number[], digits = 2): string {
  return text(median(values), quantile(values, 0.25), quantile(values, 0.75), digits)
}

function text(middle: number, least: number, most: number, digits: number): string {
  return `${middle.toFixed(digits)} (${least.toFixed(digits)}–${most.toFixed(digits)})`
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length * share)] ?? Number.NaN
}
