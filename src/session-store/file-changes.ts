import { randomBytes } from 'node:crypto'
import type { SessionChange } from '../domain/session-store.ts'
import type { Batch, FileDatabase } from './file-database.ts'
import { isSessionEnd } from './file-record.ts'

export type FileChange = SessionChange | { readonly kind: 'unlocked'; readonly key: string }

/** How the processes that share a session file hear of each other's writes. */
export interface FileChanges {
  /** Puts the news into the same commit as what it is about. */
  tell(batch: Batch, change: FileChange): void
  /** Hands on everything written since the last time, in the order it was written. */
  catchUp(): void
  /** True while everything that was committed some milliseconds ago has been heard. */
  isLive(): boolean
  /** Says that this process lives, and forgets those that have been silent for long. */
  tidy(): Promise<void>
  close(): void
}

export interface FileChangesOptions {
  readonly database: FileDatabase
  readonly hear: (change: FileChange) => void
  readonly nowMs: () => number
}

const REMEMBERED = 1_024 // changes per process; who is further behind starts afresh
const LOOK_EVERY_MS = 20 // one look costs some 10 µs
const HEARD_WITHIN_MS = 5 // how old the last look may be when a request asks
const SILENT_MS = 10 * 60_000

/**
 * Every process writes its changes into a ring of its own, so that no two ever wait for each other's
 * numbers, and reads those of the others. The file is shared memory: to look costs microseconds,
 * needs no connection that could break unnoticed, and who asks whether it is live has just looked.
 */
export function createFileChanges(options: FileChangesOptions): FileChanges {
  const { database, hear, nowMs } = options
  const { heads, changes } = database
  const writer = randomBytes(9).toString('base64url')
  let written = 0
  let heard = newestOfAll()
  let lookedAtMs = performance.now()
  let isHearing = false
  let isSound = true
  const timer = setInterval(catchUp, LOOK_EVERY_MS).unref()

  function newestOfAll(): Map<string, number> {
    const newest = new Map<string, number>()
    for (const name of database.keys<string>(heads, {})) {
      newest.set(name, decodeHead(heads.get(name)).newest)
    }
    return newest
  }

  function head(): string {
    return JSON.stringify([written, nowMs()])
  }

  /** Also as answer to a listener that asks whether it is live: then the news is on its way already. */
  function catchUp(): void {
    if (isHearing) return
    isHearing = true
    lookedAtMs = performance.now()
    try {
      const newest = newestOfAll()
      const before = heard
      heard = newest
      if ([...before.keys()].some((name) => !newest.has(name))) hear({ kind: 'missed' })
      for (const [name, last] of newest) hearAll(name, before.get(name) ?? 0, last)
      isSound = true
    } catch {
      if (isSound) hear({ kind: 'missed' })
      isSound = false
    } finally {
      isHearing = false
    }
  }

  function hearAll(name: string, first: number, last: number): void {
    if (last - first > REMEMBERED) return hear({ kind: 'missed' })
    for (let number = first + 1; number <= last; number++) {
      const value = changes.get([name, number % REMEMBERED] as never)
      const [found, change] = value === undefined ? [0, undefined] : decodeChange(value)
      if (found > number) return hear({ kind: 'missed' }) // overwritten meanwhile
      // A number may stand for a write that did not happen.
      if (found === number) hear(change ?? { kind: 'missed' })
    }
  }

  return {
    catchUp,
    tell(batch, change) {
      written += 1
      batch.put(changes, [writer, written % REMEMBERED], JSON.stringify([written, change]))
      batch.put(heads, writer, head())
    },
    isLive() {
      if (performance.now() - lookedAtMs > HEARD_WITHIN_MS) catchUp()
      return isSound
    },
    async tidy() {
      const silent = database
        .keys<string>(heads, {})
        .filter((name) => decodeHead(heads.get(name)).atMs < nowMs() - SILENT_MS)
      await database.write((batch) => {
        batch.put(heads, writer, head())
        for (const name of silent) {
          if (name === writer) continue
          batch.remove(heads, name)
          const ring = database.keys<[string, number]>(changes, {
            start: [name],
            end: [name, REMEMBERED],
          })
          for (const key of ring) batch.remove(changes, key)
        }
      })
    },
    close() {
      isSound = false
      clearInterval(timer)
    },
  }
}

function decodeHead(value: Buffer | undefined): { newest: number; atMs: number } {
  const [newest, atMs] = JSON.parse(value?.toString() ?? '[0,0]') as [number, number]
  return { newest, atMs }
}

/** A change that this version does not know is told as one that was missed. */
function decodeChange(value: Buffer): [number, FileChange | undefined] {
  const [number, change] = JSON.parse(value.toString()) as [number, FileChange]
  const isKnown =
    change.kind === 'replaced' ||
    change.kind === 'unlocked' ||
    (change.kind === 'ended' && isSessionEnd(change.reason))
  return [number, isKnown ? change : undefined]
}
