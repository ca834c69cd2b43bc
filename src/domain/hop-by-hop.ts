const KEPT_ALIVE = /^(?:keep-alive|close)$/i

/** Whether a Connection value names other headers: nearly all say just `keep-alive` or `close`. */
export function nominates(connection: string): boolean {
  return !KEPT_ALIVE.test(connection)
}

/**
 * The raw headers (name, value, name, value …) without Connection and without what it names, which are meant for us and
 * not for the next server (RFC 9110 §7.6.1). TE stays: it is always named there, and cut down elsewhere.
 */
export function withoutNominated<Octets extends Buffer | string>(
  rawHeaders: readonly Octets[],
  connection: string,
): readonly Octets[] {
  const names = namesIn(connection)
  names.add('connection').delete('te')
  return rawHeaders.filter(
    (_, at) => !names.has(headerText(rawHeaders[at - (at % 2)]!).toLowerCase()),
  )
}

/** Whether a Connection value says that the next server does not get this header (lower case). */
export function isNominated(lowerCaseName: string, connection: string): boolean {
  return nominates(connection) && namesIn(connection).has(lowerCaseName)
}

function namesIn(connection: string): Set<string> {
  const names = connection.toLowerCase().split(',')
  return new Set(names.map((name) => name.trim()))
}

/** Header octets as the string that node:http writes as the same octets. */
export function headerText(octets: Buffer | string): string {
  return typeof octets === 'string' ? octets : octets.toString('latin1')
}
