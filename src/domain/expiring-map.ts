/** A small memory of facts that matter for a while, bounded in number: the oldest gives way. */
export interface ExpiringMap<Value> {
  get(key: string, nowMs: number): Value | undefined
  set(key: string, value: Value, forgetAtMs: number): void
  /** Drops the oldest entries that are over; stops at the first that is not. */
  sweep(nowMs: number): void
}

/** Holds at most `limit` facts, in the order in which they were last set. */
export function createExpiringMap<Value>(limit: number): ExpiringMap<Value> {
  const facts = new Map<string, { value: Value; forgetAtMs: number }>()
  return {
    get(key, nowMs) {
      const fact = facts.get(key)
      return fact !== undefined && nowMs < fact.forgetAtMs ? fact.value : undefined
    },
    set(key, value, forgetAtMs) {
      facts.delete(key)
      facts.set(key, { value, forgetAtMs })
      if (facts.size > limit) facts.delete(facts.keys().next().value as string)
    },
    sweep(nowMs) {
      for (const [key, { forgetAtMs }] of facts) {
        if (nowMs < forgetAtMs) return
        facts.delete(key)
      }
    },
  }
}
