/** The limits every connection to the public port lives under (STANDARDS RL-1, RL-2, AT-28, AT-29). */
export interface ConnectionLimits {
  /** Request line and all header fields together; more is answered 431. */
  readonly headerBytes: number
  /** Number of header fields; more is answered 431. */
  readonly headerCount: number
  /** Longest wait for a complete header block, and for the first byte on a new connection. */
  readonly headersTimeoutMs: number
  /** Longest idleness between two requests. */
  readonly keepAliveTimeoutMs: number
  /**
   * A request body must arrive at this rate on average, after a grace of `paceWindowMs`. A deadline
   * for the whole body would cut long uploads; this cuts only those that dribble.
   */
  readonly minBodyBytesPerSecond: number
  /** How often, and over which time, the pace of bodies and readers is judged. */
  readonly paceWindowMs: number
  /** A client that takes no byte of its waiting answer for so long is cut off. */
  readonly readTimeoutMs: number
  /** Requests one connection may send ahead of their answers; more is an attack, as each holds memory and an upstream. */
  readonly owedAnswerCount: number
  /** Connections at one time; further ones are closed at once. */
  readonly connectionCount: number
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  headerBytes: 16 * 1024, // what Node and most load balancers take
  headerCount: 100, // browsers send some 20, proxies add some 10
  headersTimeoutMs: 15_000, // a slow phone needs 5
  keepAliveTimeoutMs: 75_000, // longer than the 60 s of usual load balancers: they, not we, close first
  minBodyBytesPerSecond: 240,
  paceWindowMs: 10_000,
  readTimeoutMs: 60_000,
  owedAnswerCount: 500, // browsers send none ahead; an upstream takes four times as many from all together
  connectionCount: 20_000,
}
