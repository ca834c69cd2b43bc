import type { FileChanges } from './file-changes.ts'
import type { FileDatabase } from './file-database.ts'

/** Removes what is over, from a timer and in small batches: no request ever waits for it. */
export interface FileSweep {
  /** Now, because room is needed. */
  soon(): void
  close(): void
}

export interface FileSweepParts {
  readonly database: FileDatabase
  readonly changes: FileChanges
  readonly nowMs: () => number
  /** Removes one thing whose time is over. */
  readonly expire: (kind: string, key: string) => Promise<void>
  readonly onTrouble?: (cause: unknown) => void
  readonly sweepEveryMs?: number
}

const SWEEP_EVERY_MS = 1_000
const BATCH = 500 // at 500 a second a process keeps up with more logins than it can serve
const TIDY_EVERY_MS = 60_000

type Expiry = [number, string, string]

export function createFileSweep(parts: FileSweepParts): FileSweep {
  const { database, changes, nowMs, expire, onTrouble = () => {} } = parts
  const timers = [
    setInterval(start, parts.sweepEveryMs ?? SWEEP_EVERY_MS).unref(),
    setInterval(() => void changes.tidy().catch(onTrouble), TIDY_EVERY_MS).unref(),
  ]
  let underWay: Promise<void> | undefined

  function start(): void {
    underWay ??= sweep()
      .catch(onTrouble)
      .finally(() => (underWay = undefined))
  }

  async function sweep(): Promise<void> {
    const atMs = nowMs()
    const first = database.keys<Expiry>(database.expiring, { end: [atMs + 1], limit: BATCH })
    const over = first.filter(([endsAtMs]) => endsAtMs <= atMs)
    if (over.length === 0) return
    await Promise.all(over.map(([, kind, key]) => expire(kind, key)))
    await database.write((batch) => {
      for (const expiry of over) batch.remove(database.expiring, expiry)
    })
  }

  return {
    soon: start,
    close() {
      for (const timer of timers) clearInterval(timer)
    },
  }
}
