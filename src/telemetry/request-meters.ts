import { Counter, type Registry } from 'prom-client'
import type { RequestFinished } from '../domain/events.ts'
import { createDurationMeter } from './duration-meter.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', '_OTHER']
const OTHER = METHODS.length - 1
const METHOD_NUMBERS: ReadonlyMap<string, number> = new Map(
  METHODS.map((method, number) => [method, number]),
)
const CLASSES = ['client_left', '1xx', '2xx', '3xx', '4xx', '5xx']

/** Adds one finished request to what is counted of all; `route` is a label from the closed list (OB-6). */
export type RequestMeters = (event: RequestFinished, route: string) => void

/** Counts requests in plain numbers, which become labels and series only when somebody scrapes: this runs for each one. */
export function createRequestMeters(registry: Registry): RequestMeters {
  const counts = createRequestCounts(registry)
  const duration = createDurationMeter(
    registry,
    'bearergate_request_duration_seconds',
    'From the request line to the last byte.',
  )
  const upstream = createDurationMeter(
    registry,
    'bearergate_upstream_duration_seconds',
    'Wait for upstream response headers.',
  )
  const refusals = new Counter({
    name: 'bearergate_refusals_total',
    help: 'Requests refused, by reason.',
    labelNames: ['route', 'reason'],
    registers: [registry],
  })
  return (event, route) => {
    counts(route, event.method, event.status)
    // A WebSocket lasts as long as its tab is open: that says nothing about speed.
    if (event.status !== 101) duration(route, event.durationMs / 1_000)
    if (event.upstreamMs !== undefined) upstream(route, event.upstreamMs / 1_000)
    if (event.reason !== undefined) refusals.inc({ route, reason: event.reason })
  }
}

function createRequestCounts(registry: Registry) {
  const known = new Map<string, number[]>()
  const counter = new Counter({
    name: 'bearergate_requests_total',
    help: 'Requests answered.',
    labelNames: ['route', 'method', 'status_class'],
    registers: [registry],
    collect: () => {
      counter.reset()
      for (const [route, counts] of known) tell(counter, route, counts)
    },
  })
  return (route: string, method: string, status: number): void => {
    let counts = known.get(route)
    if (counts === undefined) {
      counts = Array.from({ length: METHODS.length * CLASSES.length }, () => 0)
      known.set(route, counts)
    }
    const number = METHOD_NUMBERS.get(method) ?? OTHER
    counts[number * CLASSES.length + Math.trunc(status / 100)]! += 1
  }
}

type Labels = 'route' | 'method' | 'status_class'

function tell(counter: Counter<Labels>, route: string, counts: readonly number[]): void {
  for (const [number, method] of METHODS.entries()) {
    for (const [at, name] of CLASSES.entries()) {
      const count = counts[number * CLASSES.length + at]!
      if (count > 0) counter.inc({ route, method, status_class: name }, count)
    }
  }
}
