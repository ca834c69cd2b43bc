import { accepted, refused, type Parsed } from './parsed.ts'

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  KiB: 1_024,
  MiB: 1_024 ** 2,
  GiB: 1_024 ** 3,
}

const QUANTITY = /^(\d{1,12})(ms|s|m|h|d|B|KiB|MiB|GiB)$/

/** The bounds a quantity is written with, in its own notation. */
export interface Bounds {
  readonly atLeast?: string
  readonly atMost?: string
}

/** Milliseconds of `500ms`, `30s`, `15m`, `12h` or `7d`. */
export function parseDuration(text: string, bounds: Bounds = {}): Parsed<number> {
  return parseQuantity(text, bounds, UNIT_MS, 'a duration such as 500ms, 30s, 15m, 12h or 7d')
}

/** Bytes of `512B`, `64KiB`, `10MiB` or `1GiB`. */
export function parseSize(text: string, bounds: Bounds = {}): Parsed<number> {
  return parseQuantity(text, bounds, UNIT_BYTES, 'a size such as 512B, 64KiB, 10MiB or 1GiB')
}

function parseQuantity(
  text: string,
  { atLeast, atMost }: Bounds,
  units: Readonly<Record<string, number>>,
  form: string,
): Parsed<number> {
  const amount = amountOf(text, units)
  if (amount === undefined) return refused(`is not ${form} (one whole number and its unit)`)
  if (atLeast !== undefined && amount < (amountOf(atLeast, units) ?? 0)) {
    return refused(`is too small: at least ${atLeast}`)
  }
  if (atMost !== undefined && amount > (amountOf(atMost, units) ?? 0)) {
    return refused(`is too large: at most ${atMost}`)
  }
  return accepted(amount)
}

function amountOf(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, digits, unit] = QUANTITY.exec(text) ?? []
  const factor = unit !== undefined && Object.hasOwn(units, unit) ? units[unit] : undefined
  const amount = Number(digits) * (factor ?? Number.NaN)
  return Number.isSafeInteger(amount) ? amount : undefined
}
