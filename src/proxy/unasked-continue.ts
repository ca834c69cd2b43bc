import type { Socket } from 'node:net'

const INTERIM = /^HTTP\/1\.[01] (1\d\d)[ \r]/
const BEGINNING = /^HTTP\/1\.[01] 1\d{0,2}$/
const BEGINNING_BYTES = 'HTTP/1.1 100 '.length
const MAX_HELD_BYTES = 32_768 // as much as undici takes of a head
const NOTHING = Buffer.alloc(0)

/**
 * Takes `100 Continue` that nobody asked for out of what an upstream sends: clients must understand it (RFC 9110 §15.2,
 * HX-12), undici breaks the connection over it. It may come behind other interim answers, and in pieces.
 */
export function dropUnaskedContinue(socket: Socket): void {
  const read = socket.read.bind(socket)
  let held: Buffer = NOTHING
  socket.read = (size) => {
    for (;;) {
      const chunk = read(size) as Buffer | null
      if (chunk === null) return null
      if (held.length === 0 && (!mayBeInterim(chunk) || !awaitsHead(socket))) return chunk
      const { ahead, rest } = withoutContinue(
        held.length === 0 ? chunk : Buffer.concat([held, chunk]),
      )
      held = rest
      if (ahead.length > 0) return ahead
    }
  }
}

/** Looks at two octets only: this runs for every chunk. */
function mayBeInterim(chunk: Buffer): boolean {
  return chunk[0] === 0x48 && (chunk[9] === 0x31 || chunk.length < 10)
}

interface Split {
  /** What undici gets. */
  readonly ahead: Buffer
  /** The beginning of an interim answer whose end has not come. */
  readonly rest: Buffer
}

function withoutContinue(octets: Buffer): Split {
  const ahead: Buffer[] = []
  let at = 0
  for (;;) {
    const start = octets.subarray(at, at + BEGINNING_BYTES).toString('latin1')
    const status = INTERIM.exec(start)?.[1]
    const end = octets.indexOf('\r\n\r\n', at)
    const isCut = status === undefined ? isBeginning(start) : end < 0
    if (isCut && octets.length - at <= MAX_HELD_BYTES)
      return { ahead: Buffer.concat(ahead), rest: octets.subarray(at) }
    if (status === undefined || status === '101' || isCut)
      return { ahead: Buffer.concat([...ahead, octets.subarray(at)]), rest: NOTHING }
    if (status !== '100') ahead.push(octets.subarray(at, end + 4))
    at = end + 4
  }
}

function isBeginning(start: string): boolean {
  return BEGINNING.test(start) || 'HTTP/1.1 '.startsWith(start) || 'HTTP/1.0 '.startsWith(start)
}

/** Between answers undici's parser has no status; inside a body the same octets are somebody's data. */
function awaitsHead(socket: Socket): boolean {
  const symbol = Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === 'parser',
  )
  const parser =
    symbol && (socket as unknown as Record<symbol, { statusCode?: unknown } | null>)[symbol]
  return parser?.statusCode === 0
}
