/** An answer as octets on the wire. */
export interface WireAnswer {
  readonly heads: number
  readonly hints: number
  readonly status: number
  readonly body: Buffer
  readonly trailers: string
  readonly isChunked: boolean
  /** `undefined`: only the end of the connection tells. */
  readonly isWhole: boolean | undefined
}

/** Reads what one client got, by the framing alone (RFC 9112 §6.3). */
export function readAnswer(received: Buffer, method: string): WireAnswer {
  const text = received.toString('latin1')
  const hints = text.match(/^(?:HTTP\/1\.1 103 [^]*?\r\n\r\n)*/)?.[0] ?? ''
  const rest = text.slice(hints.length)
  const end = rest.indexOf('\r\n\r\n')
  const head = end < 0 ? '' : rest.slice(0, end)
  const body = end < 0 ? '' : rest.slice(end + 4)
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0)
  const length = /^content-length: (\d+)/im.exec(head)?.[1]
  const isChunked = /^transfer-encoding: chunked/im.test(head)
  const common = {
    heads: rest.match(/^HTTP\/1\.1 \d+ .*\r$/gm)?.length ?? 0,
    hints: hints.match(/HTTP\/1\.1 103/g)?.length ?? 0,
    status,
    isChunked,
    trailers: '',
  }
  const octets = (content: string) => Buffer.from(content, 'latin1')
  if (end < 0) return { ...common, body: octets(''), isWhole: false }
  if (method === 'HEAD' || status === 204 || status === 304)
    return { ...common, body: octets(body), isWhole: true }
  if (isChunked) return { ...common, ...unchunked(body) }
  if (length === undefined) return { ...common, body: octets(body), isWhole: undefined }
  return { ...common, body: octets(body), isWhole: body.length === Number(length) }
}

function unchunked(text: string): Pick<WireAnswer, 'body' | 'isWhole' | 'trailers'> {
  let body = ''
  for (let at = 0; ;) {
    const line = text.indexOf('\r\n', at)
    if (line < 0) return { body: Buffer.from(body, 'latin1'), isWhole: false, trailers: '' }
    const size = Number.parseInt(text.slice(at, line), 16)
    if (size === 0) {
      const rest = text.slice(line + 2)
      const isWhole = rest.endsWith('\r\n')
      return { body: Buffer.from(body, 'latin1'), isWhole, trailers: rest.trim() }
    }
    body += text.slice(line + 2, line + 2 + size)
    at = line + 2 + size + 2
  }
}
