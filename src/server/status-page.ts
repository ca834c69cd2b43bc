import { upstreamName, type Route } from '../domain/route.ts'

/** What the operators' page shows: no secrets, no users. */
export interface GatewayStatus {
  readonly version: string
  /** Whose page it is, when there are several: `1 of 2`. */
  readonly worker?: string
  readonly uptimeMs: number
  readonly publicUrl: string
  readonly providers: readonly ProviderStatus[]
  readonly shuttingDown: boolean
  readonly sessions: number | undefined
  readonly inFlight: number
  readonly streams: number
  readonly routes: readonly Route[]
}

export interface ProviderStatus {
  /** '' of a sole provider. */
  readonly name: string
  readonly issuer: string
  readonly redirectUri: string
  readonly ready: boolean
}

const STYLE = `:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #8884;vertical-align:top;overflow-wrap:anywhere}
th{font-weight:600}`

/** The page and its style sheet, which the content security policy names by its hash. */
export function statusPage(status: GatewayStatus): { html: string; style: string } {
  const facts: [string, string][] = [
    ['Version', status.version],
    ...(status.worker === undefined ? [] : [workerRow(status.worker)]),
    ['Up for', duration(status.uptimeMs)],
    ['State', status.shuttingDown ? 'shutting down' : 'serving'],
    ['Public URL', status.publicUrl],
    ...status.providers.flatMap(providerRows),
    ['Sessions', status.sessions === undefined ? 'unknown' : String(status.sessions)],
    ['Requests under way', String(status.inFlight)],
    ['Sockets and event streams', String(status.streams)],
  ]
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Bearergate</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body>
<h1>Bearergate</h1>
<table>${facts.map(([name, value]) => row([name], [value])).join('')}</table>
<h2>Routes</h2>
<table><thead>${row(['Route', 'Methods', 'Access', 'Upstream'], [])}</thead>
<tbody>${status.routes.map(routeRow).join('')}</tbody></table>
</body></html>`
  return { html, style: STYLE }
}

function providerRows({ name, issuer, redirectUri, ready }: ProviderStatus): [string, string][] {
  const of = name === '' ? '' : ` (${name})`
  return [
    [`Redirect URI${of}`, redirectUri],
    [`Provider${of}`, `${issuer} (${ready ? 'ready' : 'not reachable yet'})`],
  ]
}

function workerRow(worker: string): [string, string] {
  return ['Worker', `${worker}; requests, sockets and streams are those of this one`]
}

function routeRow(route: Route): string {
  const { id, methods, access } = route
  return row([], [id, methods?.join(', ') ?? 'all', access, upstreamName(route)])
}

function row(heads: readonly string[], cells: readonly string[]): string {
  const head = heads.map((text) => `<th>${escapeHtml(text)}</th>`).join('')
  return `<tr>${head}${cells.map((text) => `<td>${escapeHtml(text)}</td>`).join('')}</tr>`
}

function duration(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  const hours = Math.floor(minutes / 60)
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`
}

const ESCAPES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => ESCAPES[character] ?? '')
}
