/** The names of our keys and channels. All begin with the prefix, so that an ACL can be limited to it. */
export interface RedisKeys {
  /** The sealed session: gone at its idle end. */
  session(key: string): string
  /** Why it is over, or when it will be: outlives the session for a while. */
  end(key: string): string
  lock(key: string): string
  index(indexKey: string): string
  once(key: string): string
  note(key: string): string
  readonly changes: string
  /** A channel that only one process listens to. */
  heartbeat(processId: string): string
}

/** Braces put all keys of one session into one slot of a Cluster, so that one script may use them together. */
export function redisKeys(prefix: string): RedisKeys {
  return {
    session: (key) => `${prefix}{${key}}`,
    end: (key) => `${prefix}{${key}}:end`,
    lock: (key) => `${prefix}{${key}}:lock`,
    index: (indexKey) => `${prefix}index:${indexKey}`,
    once: (key) => `${prefix}once:${key}`,
    note: (key) => `${prefix}note:${key}`,
    changes: `${prefix}changes`,
    heartbeat: (processId) => `${prefix}heartbeat:${processId}`,
  }
}
