/** Where the admin listener of a configuration is reached from this machine. */
export function adminOrigin({
  host,
  port,
}: {
  readonly host: string
  readonly port: number
}): string {
  return `http://${reachable(host)}:${port}`
}

function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
