import { Gauge, type Registry } from 'prom-client'

/** What the gateway can be asked at the moment of a scrape. */
export interface Probes {
  readonly sessions: () => Promise<number | undefined>
  /** Octets that all sessions take in the store. */
  readonly sessionBytes: () => Promise<number | undefined>
  /** By name, whose metadata is known; a sole provider has the name ''. */
  readonly providers: () => ReadonlyMap<string, boolean>
  /** Requests at an upstream, streams included. */
  readonly inFlight: () => number
  /** Open WebSockets and event streams. */
  readonly streams: () => number
}

/** Values that are asked for when somebody scrapes. A probe that fails leaves its gauge as it was. */
export function addGauges(registry: Registry, probes: () => Probes | undefined): void {
  const gauge = (
    name: string,
    help: string,
    read: (from: Probes) => Promise<number | undefined>,
    /** How the values of several workers become one. */
    aggregator: 'sum' | 'max' | 'min' = 'sum',
  ) => {
    const created: Gauge = new Gauge({
      name: `bearergate_${name}`,
      help,
      aggregator,
      registers: [registry],
      collect: async () => {
        const from = probes()
        const value = from === undefined ? undefined : await read(from).catch(() => undefined)
        if (value !== undefined) created.set(value)
      },
    })
  }
  gauge('sessions', 'Sessions in the store.', (from) => from.sessions(), 'max')
  gauge(
    'session_store_bytes',
    'Size of all sessions in the store.',
    (from) => from.sessionBytes(),
    'max',
  )
  gauge('requests_in_flight', 'Requests at an upstream, streams included.', async (from) =>
    from.inFlight(),
  )
  gauge('streams', 'Open WebSockets and event streams.', async (from) => from.streams())
  const ready: Gauge<'provider'> = new Gauge({
    name: 'bearergate_provider_ready',
    help: '1 when provider metadata is known.',
    labelNames: ['provider'],
    aggregator: 'min',
    registers: [registry],
    collect: () => {
      const providers = probes()?.providers()
      if (providers === undefined) return
      ready.reset() // a reload may have taken some away
      for (const [name, known] of providers)
        ready.set(name === '' ? {} : { provider: name }, Number(known))
    },
  })
}
