const SEPARATORS_BYTES = ': \r\n'.length

/** Octets of a header section as HTTP/1.1 writes it (RFC 9112 §5), without the request line. */
export function headerBytes(rawHeaders: readonly string[]): number {
  let bytes = 0
  for (const part of rawHeaders) bytes += part.length // a character is an octet here
  return bytes + (rawHeaders.length / 2) * SEPARATORS_BYTES
}
