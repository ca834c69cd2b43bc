import type { MetricsSnapshot } from '../telemetry/metrics.ts'

/** What a worker is told. */
export type ToWorker =
  /** The order is between whoever starts workers and their main module. */
  | { readonly kind: 'start'; readonly order: object }
  /** Another configuration, already checked; packed like that of the order. */
  | { readonly kind: 'reload'; readonly config: object }
  | { readonly kind: 'measure'; readonly id: number }
  /** Any answer will do: it says that the worker is not stuck. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'stop' }

export type FromWorker =
  /** It listens to orders: what was sent before is lost. */
  | { readonly kind: 'awake' }
  | { readonly kind: 'listening'; readonly publicAddress: string }
  /** It cannot start; the message is for the operator. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'measured'; readonly id: number; readonly snapshot: MetricsSnapshot }
  /** It serves by the newest configuration it was told. */
  | { readonly kind: 'reloaded' }
  | { readonly kind: 'pong' }
  /** It has heard that it is to stop. */
  | { readonly kind: 'stopping' }
  /** Its last word: whether all requests could finish, and what it had counted. */
  | { readonly kind: 'stopped'; readonly finished: boolean; readonly snapshot: MetricsSnapshot }
