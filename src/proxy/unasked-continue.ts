import type { Socket } from 'node:net'

const CONTINUE = /^HTTP\/1\.[01] 100[ \r][^]*?\r\n\r\n/
const SHORTEST = 'HTTP/1.1 100 \r\n\r\n'.length

/**
 * Takes `100 Continue` that nobody asked for out of what an upstream sends: clients must understand it (RFC 9110 §15.2,
 * HX-12), undici breaks the connection over it.
 */
export function dropUnaskedContinue(socket: Socket): void {
  const read = socket.read.bind(socket)
  socket.read = (size) => {
    const chunk = read(size) as Buffer | null
    if (chunk === null || !mayBeContinue(chunk) || !awaitsHead(socket)) return chunk
    const rest = withoutContinue(chunk)
    return rest.length === 0 ? read(size) : rest
  }
}

/** Looks at three octets only: this runs for every chunk. */
function mayBeContinue(chunk: Buffer): boolean {
  return chunk[9] === 0x31 && chunk[10] === 0x30 && chunk[11] === 0x30 && chunk.length >= SHORTEST
}

function withoutContinue(chunk: Buffer): Buffer {
  let rest = chunk
  for (;;) {
    const found = CONTINUE.exec(rest.subarray(0, 1_024).toString('latin1'))
    if (found === null) return rest
    rest = rest.subarray(found[0].length)
  }
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
