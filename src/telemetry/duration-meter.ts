import type { Metric, Registry } from 'prom-client'

const BOUNDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] // seconds

/** What has been observed of one route. */
interface Series {
  /** One for each bound: what lies up to it and above the one before. */
  readonly counts: number[]
  sum: number
  count: number
}

/** Observes one duration, in seconds, of a route. */
export type DurationMeter = (route: string, seconds: number) => void

/**
 * A histogram of durations by route. prom-client's own validates, copies and hashes the labels at each observation, three
 * times per request; this one only counts, and does that work when somebody scrapes.
 */
export function createDurationMeter(registry: Registry, name: string, help: string): DurationMeter {
  const known = new Map<string, Series>()
  const meter = {
    name,
    get: async () => ({
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      values: told(name, known),
    }),
  }
  registry.registerMetric(meter as unknown as Metric) // of a metric the registry reads just these two
  return (route, seconds) => {
    let series = known.get(route)
    if (series === undefined) {
      series = { counts: BOUNDS.map(() => 0), sum: 0, count: 0 }
      known.set(route, series)
    }
    series.sum += seconds
    series.count += 1
    for (let at = 0; at < BOUNDS.length; at++) {
      if (seconds > BOUNDS[at]!) continue
      series.counts[at]! += 1
      return
    }
  }
}

/** As the exposition format has it: each bucket with all below it, then sum and count. */
function told(name: string, known: ReadonlyMap<string, Series>) {
  return [...known].flatMap(([route, { counts, sum, count }]) => {
    let below = 0
    const buckets = BOUNDS.map((le, at) => {
      below += counts[at]!
      return { metricName: `${name}_bucket`, labels: { le, route }, value: below }
    })
    return [
      ...buckets,
      { metricName: `${name}_bucket`, labels: { le: '+Inf', route }, value: count },
      { metricName: `${name}_sum`, labels: { route }, value: sum },
      { metricName: `${name}_count`, labels: { route }, value: count },
    ]
  })
}
