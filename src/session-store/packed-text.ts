const RUN = /(?:[\w-]{4}){8,}/g // base64url that needs no padding; a shorter one would not gain
const MARK = '\u0001' // JSON never holds one: it escapes control characters
const COUNT_BASE = 36
const LENGTH_BYTES = 4

/**
 * JSON text in fewer octets: long runs of base64url, which tokens are made of, as the octets they stand for.
 *
 * Unlike compression this looks for no repetitions, so that the length of a sealed record says nothing of its secrets,
 * whatever claims stand beside them (CRIME).
 */
export function packText(json: string): Uint8Array {
  const runs: Buffer[] = []
  const rest = json.replace(RUN, (run) => {
    runs.push(Buffer.from(run, 'base64url'))
    return MARK + (run.length / 4).toString(COUNT_BASE) + MARK
  })
  const text = Buffer.from(rest)
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text, ...runs])
}

/** What was packed. */
export function unpackText(packed: Buffer): string {
  const textEnd = LENGTH_BYTES + packed.readUInt32BE(0)
  let at = textEnd
  function nextRun(count: string): string {
    const from = at
    at += 3 * Number.parseInt(count, COUNT_BASE)
    return packed.toString('base64url', from, at)
  }
  const parts = packed.toString('utf8', LENGTH_BYTES, textEnd).split(MARK)
  return parts.map((part, nth) => (nth % 2 === 0 ? part : nextRun(part))).join('')
}
