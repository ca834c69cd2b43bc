import { AggregatorRegistry, Counter, Registry } from 'prom-client'
import {
  createMetrics,
  type Metrics,
  type MetricsOptions,
  type MetricsSnapshot,
} from './metrics.ts'

/** The metrics of the main process of several workers, and of all of them together. */
export interface WorkerMetrics extends Metrics {
  /** With what it had counted when it last told: that stays in the sums, which never fall. */
  readonly workerDied: (lastMeasured: MetricsSnapshot | undefined) => void
  /** The exposition text of all: counted ones are added up, what all of them see alike is told once. */
  readonly renderAll: (snapshots: readonly MetricsSnapshot[]) => Promise<string>
}

/** What prom-client tells of one metric. */
interface Told {
  readonly name: string
  readonly type: string
  readonly aggregator: string
}

export function createWorkerMetrics(options: MetricsOptions): WorkerMetrics {
  const registry = new Registry()
  const deaths = new Counter({
    name: 'bearergate_worker_deaths_total',
    help: 'Workers that ended without being asked.',
    registers: [registry],
  })
  const metrics = createMetrics(options)
  let ofTheDead: Promise<MetricsSnapshot> = Promise.resolve([])
  return {
    ...metrics,
    workerDied: (lastMeasured) => {
      deaths.inc()
      if (lastMeasured === undefined) return
      const counted = (lastMeasured as Told[]).filter(isCounted)
      ofTheDead = ofTheDead.then((before) => addUp([before, counted]).getMetricsAsJSON())
    },
    renderAll: async (snapshots) => {
      const own = ((await metrics.snapshot()) as Told[]).filter(isOfThisProcess).map(toldOfAll)
      const died = await registry.getMetricsAsJSON()
      return addUp([own, died, ...snapshots, await ofTheDead]).metrics()
    },
  }
}

function addUp(snapshots: readonly MetricsSnapshot[]): Registry {
  return AggregatorRegistry.aggregate(snapshots as unknown as object[])
}

function isCounted({ type }: Told): boolean {
  return type === 'counter' || type === 'histogram'
}

/** The main process has no sessions, requests or provider to tell of. */
function isOfThisProcess({ name, type }: Told): boolean {
  return type !== 'gauge' || !name.startsWith('bearergate_')
}

/** All are as old as the main process. */
function toldOfAll(told: Told): Told {
  return told.name === 'process_start_time_seconds' ? { ...told, aggregator: 'first' } : told
}
