/** How one imaginary server reads a request path. Written without a look at src: it is the oracle of AT-11. */
export interface ServerHabits {
  readonly decodes: number
  readonly overlongUtf8: boolean
  readonly cutsAtNul: boolean
  readonly cutsAtMark: boolean
  readonly backslashIsSlash: boolean
  readonly dropsParameters: boolean
  readonly doubleSlashIsHost: boolean
  readonly mergesSlashes: boolean
  readonly resolvesDots: boolean
  readonly trimsNames: boolean
  readonly ignoresCase: boolean
}

/** Every combination of habits. */
export function everyServer(): ServerHabits[] {
  const names = [
    'overlongUtf8',
    'cutsAtNul',
    'cutsAtMark',
    'backslashIsSlash',
    'dropsParameters',
    'doubleSlashIsHost',
    'mergesSlashes',
    'resolvesDots',
    'trimsNames',
    'ignoresCase',
  ]
  const servers: ServerHabits[] = []
  for (let bits = 0; bits < 2 ** names.length; bits += 1) {
    const habits = Object.fromEntries(names.map((name, bit) => [name, (bits & (1 << bit)) !== 0]))
    for (const decodes of [0, 1, 2])
      servers.push({ ...(habits as unknown as ServerHabits), decodes })
  }
  return servers
}

/** The resource that server would serve. */
export function resourceServed(path: string, server: ServerHabits): string {
  let read = path
  for (let round = 0; round < server.decodes; round += 1) {
    read = read.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
      String.fromCharCode(parseInt(hex, 16)),
    )
    if (server.overlongUtf8)
      read = read.replaceAll('\u00c0\u00ae', '.').replaceAll('\u00c0\u00af', '/')
  }
  if (server.cutsAtNul) read = read.split('\0')[0] as string
  if (server.cutsAtMark) read = read.split(/[?#]/)[0] as string
  if (server.backslashIsSlash) read = read.replaceAll('\\', '/')
  if (server.dropsParameters) read = read.replace(/;[^/]*/g, '')
  if (server.doubleSlashIsHost) read = read.replace(/^\/\/[^/]*/, '')
  if (server.mergesSlashes) read = read.replace(/\/+/g, '/')
  if (server.resolvesDots) read = withoutDotSegments(read)
  if (server.trimsNames)
    read = read
      .split('/')
      .map((name) => name.replace(/[. ]+$/, ''))
      .join('/')
  if (server.mergesSlashes) read = read.replace(/\/+/g, '/')
  return server.ignoresCase ? read.toLowerCase() : read
}

function withoutDotSegments(path: string): string {
  const kept: string[] = []
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop()
    else if (segment !== '.') kept.push(segment)
  }
  const joined = kept.join('/')
  return joined.startsWith('/') ? joined : `/${joined}`
}
