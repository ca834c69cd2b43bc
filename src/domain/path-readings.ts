const OCTET_ABOVE_ASCII = /[\u0080-\u00ff]/g
const ESCAPE = /%[0-9a-f]{2}/i
const ESCAPES = /(?:%[0-9a-f]{2})+/gi

/**
 * The path as received, decoded once and decoded twice, without repetitions: what servers behind us
 * may take it for. `undefined` when it is no valid percent-encoded UTF-8 (`%c0%ae` is not), or when it is
 * encoded more than twice.
 */
export function percentDecodings(path: string): readonly string[] | undefined {
  const raw = path.replace(OCTET_ABOVE_ASCII, escapeOctet)
  if (!raw.includes('%')) return [raw]
  try {
    const once = decodeURIComponent(raw)
    if (!ESCAPE.test(once)) return [raw, once]
    const twice = once.replace(ESCAPES, decodeURIComponent)
    return ESCAPE.test(twice) ? undefined : [raw, once, twice]
  } catch {
    return undefined
  }
}

/**
 * The path's segments as the most forgiving server would read them: decoded, wide and other compatible
 * letters as plain ones, parameters and empty segments gone, case folded, trailing dots and spaces cut. More than one list where a decoded `?`, `#`
 * or `;` may or may not end the path. Two paths that any server could take for each other share a list.
 */
export function forgivingReadings(path: string): readonly (readonly string[])[] {
  const deepest = (percentDecodings(path)?.at(-1) ?? path).normalize('NFKC')
  const ends = [deepest.search(/[?#]/), deepest.indexOf(';')].filter((end) => end >= 0)
  return [deepest, ...ends.map((end) => deepest.slice(0, end))].map(forgivingSegments)
}

function forgivingSegments(path: string): readonly string[] {
  return path
    .split('/')
    .map(foldSegment)
    .filter((segment) => segment !== '')
}

function foldSegment(segment: string): string {
  const name = segment.replace(/;.*$/s, '').replace(/^\s+/, '')
  // Both ways round: some letters fold only through upper case (U+017F) or lower case (U+212A).
  return cutEnd(name).toUpperCase().toLowerCase()
}

/** Without the dots and spaces that some file systems ignore; a loop, as `[\s.]+$` is quadratic. */
function cutEnd(name: string): string {
  let end = name.length
  while (end > 0 && /[\s.]/.test(name.charAt(end - 1))) end -= 1
  return name.slice(0, end)
}

function escapeOctet(octet: string): string {
  return `%${octet.charCodeAt(0).toString(16)}`
}
