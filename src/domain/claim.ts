/** The claim at a path of names, own properties only; `undefined` when there is none. */
export function claimAt(
  claims: Readonly<Record<string, unknown>>,
  path: readonly string[],
): unknown {
  let value: unknown = claims
  for (const name of path) {
    if (!isRecord(value) || !Object.hasOwn(value, name)) return undefined
    value = value[name]
  }
  return value
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
