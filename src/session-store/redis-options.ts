/** How to reach Redis, or a server that speaks its language (Valkey). */
export interface RedisOptions {
  readonly servers: RedisServers
  readonly username?: string
  readonly password?: string
  /** Always 0 in a Cluster. */
  readonly database: number
  /** Absent: plain TCP. The certificate is always verified, against the system's authorities unless given. */
  readonly tls?: { readonly certificateAuthority?: string }
  /** Begins the name of every key and channel, so that one server can serve several gateways. */
  readonly keyPrefix: string
  readonly commandTimeoutMs: number
}

export type RedisServers =
  | { readonly kind: 'single'; readonly server: RedisAddress }
  | {
      readonly kind: 'sentinel'
      readonly sentinels: readonly RedisAddress[]
      /** What the sentinels call the group of master and replicas. */
      readonly groupName: string
      readonly username?: string
      readonly password?: string
    }
  | { readonly kind: 'cluster'; readonly nodes: readonly RedisAddress[] }

export interface RedisAddress {
  readonly host: string
  readonly port: number
}
