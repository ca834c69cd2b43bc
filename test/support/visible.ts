/** A value for a test title: everything but ASCII escaped (U+2028 ends tap's stream), at most 80 characters. */
export function visible(value: unknown): string {
  const json = JSON.stringify(value) ?? 'undefined'
  const escaped = json.replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return escaped.slice(0, 80)
}
