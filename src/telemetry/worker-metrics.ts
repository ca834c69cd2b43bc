import { AggregatorRegistry, Counter, Registry } from 'prom-client'
import { createMetrics, type Metrics, type MetricsSnapshot } from './metrics.ts'

/** The metrics of the main process of several workers, and of all of them together. */
export interface WorkerMetrics extends Metrics {
  readonly workerDied: () => void
  /** The exposition text of all: counted ones are added up, what all of them see alike is told once. */
  readonly renderAll: (snapshots: readonly MetricsSnapshot[]) => Promise<string>
}

export function createWorkerMetrics(): WorkerMetrics {
  const registry = new Registry()
  const deaths = new Counter({
    name: 'bearergate_worker_deaths_total',
    help: 'Workers that ended without being asked.',
    registers: [registry],
  })
  const metrics = createMetrics({ version: '', routeIds: [] })
  return {
    ...metrics,
    workerDied: () => deaths.inc(),
    renderAll: async (snapshots) => {
      const own = (await registry.getMetricsAsJSON()) as MetricsSnapshot
      return AggregatorRegistry.aggregate([own, ...snapshots] as object[]).metrics()
    },
  }
}
