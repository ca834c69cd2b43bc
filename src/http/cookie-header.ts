/**
 * Every value a Cookie header gives for a name, still encoded, in the order sent. Exact name only:
 * prefixes are case-sensitive to browsers (RFC 6265bis §5.4). No splitting: runs on every request.
 */
export function cookieValues(header: string | undefined, name: string): string[] {
  const values: string[] = []
  if (header === undefined) return values
  const start = `${name}=`
  for (let at = header.indexOf(start); at !== -1; at = header.indexOf(start, at + 1)) {
    if (!startsPair(header, at)) continue
    const end = header.indexOf(';', at)
    values.push(header.slice(at + start.length, end === -1 ? undefined : end).trim())
  }
  return values
}

/** The names in a Cookie header that start with a prefix, each once, in the order sent. */
export function cookieNames(header: string | undefined, prefix: string): string[] {
  if (header === undefined || !header.includes(prefix)) return []
  const names = header.split(';').map((pair) => pair.slice(0, pair.indexOf('=')).trim())
  return [...new Set(names.filter((name) => name.startsWith(prefix)))]
}

function startsPair(header: string, at: number): boolean {
  let before = at - 1
  while (before >= 0 && (header[before] === ' ' || header[before] === '\t')) before--
  return before < 0 || header[before] === ';'
}
