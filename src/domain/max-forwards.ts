/**
 * What Max-Forwards asks of us (RFC 9110 §7.6.2): `answer` the request ourselves, send this number on, or
 * `undefined` where it has no meaning.
 */
export function maxForwards(
  method: string,
  value: string | undefined,
): 'answer' | number | undefined {
  if (
    value === undefined ||
    (method !== 'OPTIONS' && method !== 'TRACE') ||
    !/^\d{1,9}$/.test(value)
  )
    return undefined
  return Number(value) === 0 ? 'answer' : Number(value) - 1
}
