import { printable } from '../../telemetry/printable.ts'
import type { Field, Outcome } from './explained-outcome.ts'
import type { Explanation, ExplainedRoute } from './explanation.ts'

const LONGEST_VALUE = 300
const FORM_KEPT =
  'waits in the browser and is sent after the login, if it is a form of at most 64 KiB'

type Row = readonly [label: string, text: string]

/** The explanation for a person: the verdict first, then how it came about, then what the upstream gets. */
export function explanationText(explanation: Explanation, file: string): string {
  const { method, host, target, route, caller, outcome } = explanation
  const [verdict, ...details] = outcomeRows(outcome)
  const rows: Row[] = [
    ['request', `${method} ${target} at ${host}`],
    ...(verdict === undefined ? [] : [verdict]),
    ...(route === undefined ? [] : routeRows(route, file)),
    ...(caller === undefined ? [] : [['caller', caller] as const]),
    ...factRows(explanation),
    ...details,
  ]
  return rows.map(([label, text]) => `${label.padEnd(11)}${printable(text, 2_000)}\n`).join('')
}

function routeRows(route: ExplainedRoute, file: string): Row[] {
  const { id, index, line, access, credentials, providers = [] } = route
  const of = providers.length === 0 ? '' : ` of ${providers.join(' or ')}`
  const takes = access === 'public' ? '' : `, by ${credentials.join(' or ')}${of}`
  return [['route', `${id} (routes[${index}], ${file}:${line}): access ${access}${takes}`]]
}

function factRows({ request }: Explanation): Row[] {
  if (request === undefined) return []
  const { navigation, prefetch, fetchSite, origin, customHeader, websocket } = request
  const kind = websocket ? 'a WebSocket' : navigation ? 'a page (navigation)' : 'a script, no page'
  const facts = [
    kind,
    prefetch ? 'asked ahead of any click' : undefined,
    fetchSite === undefined ? undefined : `from ${fetchSite}`,
    origin === undefined ? undefined : `origin ${origin}`,
    customHeader ? 'with a custom header' : undefined,
  ]
  return [['it is', facts.filter((fact) => fact !== undefined).join(', ')]]
}

function outcomeRows(outcome: Outcome): Row[] {
  switch (outcome.decision) {
    case 'refuse':
      return refusalRows(outcome)
    case 'login':
      return [
        ['decision', `sign in: ${outcome.because}`],
        ...(Object.keys(outcome.parameters).length === 0
          ? []
          : [['needed', JSON.stringify(outcome.parameters)] as const]),
      ]
    case 'answer':
      return [
        ['decision', `answered by the gateway: ${outcome.because}`],
        ...fieldRows('answer', outcome.headers ?? []),
      ]
    case 'verify':
      return [
        ['decision', `may pass: ${outcome.because}; another proxy forwards it`],
        ...fieldRows('to copy', outcome.copy),
      ]
    case 'forward':
      return forwardRows(outcome)
  }
}

function refusalRows(outcome: Extract<Outcome, { decision: 'refuse' }>): Row[] {
  const { reason, status, title, detail, needed, allow, keeps_form: keepsForm } = outcome
  return [
    ['decision', `refused: ${reason} (${status}). ${title}. ${detail}`],
    ...(needed === undefined ? [] : [['needed', JSON.stringify(needed)] as const]),
    ...(allow === undefined ? [] : [['allowed', allow.join(', ')] as const]),
    ...(keepsForm === true ? [['form', FORM_KEPT] as const] : []),
    ['help', `docs/troubleshooting.md, ${reason}`],
  ]
}

function forwardRows({ because, upstream }: Extract<Outcome, { decision: 'forward' }>): Row[] {
  const { url, headers, dropped, forged, too_long: tooLong, identity } = upstream
  const rest = dropped.filter((name) => !forged.includes(name))
  return [
    ['decision', `forwarded: ${because}`],
    ['upstream', url],
    ...fieldRows('headers', headers),
    ...(identity === undefined ? [] : [['identity', JSON.stringify(identity)] as const]),
    ...listRow('dropped', rest),
    ...listRow('forged', forged),
    ...listRow('too long', tooLong),
  ]
}

function listRow(label: string, names: readonly string[]): Row[] {
  return names.length === 0 ? [] : [[label, names.join(', ')]]
}

function fieldRows(label: string, fields: readonly Field[]): Row[] {
  return fields.map(([name, value], at) => [
    at === 0 ? label : '',
    `${name}: ${printable(value, LONGEST_VALUE)}`,
  ])
}
