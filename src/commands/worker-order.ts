import type { GatewayConfig } from '../config/gateway-config.ts'

/** What a worker needs to start. It never reads the configuration file: all of them run the same one. */
export interface WorkerOrder {
  /** Of the worker's place, from 1: the same for the one that replaces it. */
  readonly number: number
  readonly config: SentConfig
  /** Where the worker's own admin listener answers the main process. */
  readonly adminSocket: string
  readonly clockAnchorMs: number
}

/** A configuration on its way to another process: everything but the URL can be copied. */
export type SentConfig = Omit<GatewayConfig, 'publicUrl'> & { readonly publicUrl: string }

export function packConfig(config: GatewayConfig): SentConfig {
  return { ...config, publicUrl: config.publicUrl.href }
}

export function unpackConfig(sent: SentConfig): GatewayConfig {
  return { ...sent, publicUrl: new URL(sent.publicUrl) }
}
