import type { SessionPage, SessionQuery } from '../domain/session-store.ts'

interface Placed {
  readonly place: number
  readonly idleEndsAtMs: number
  readonly endsAtMs: number
}

type Walk = MapIterator<[string, Placed]>

export interface MemoryListingParts {
  /** In the order of their places. */
  readonly sessions: ReadonlyMap<string, Placed>
  readonly keysOf: (indexKey: string) => readonly string[]
  readonly isAlive: (key: string) => boolean
}

/**
 * Pages through sessions in the order of their creation; the cursor is the place of the last one
 * seen. A walk that goes on where the newest page stopped costs no more than the page.
 */
export function createMemoryListing(
  parts: MemoryListingParts,
): (query: SessionQuery) => SessionPage {
  const { sessions, keysOf, isAlive } = parts
  let stopped: { readonly at: number; readonly walk: Walk } | undefined

  /** A map has no seek: any other place is walked to from the beginning. */
  function walkFrom(place: number): Walk {
    const walk = stopped?.at === place ? stopped.walk : sessions.entries()
    stopped = undefined
    return walk
  }

  function pageOfAll(after: number, limit: number): SessionPage {
    const walk = walkFrom(after)
    const found: [string, Placed][] = []
    for (let next = walk.next(); next.done !== true; next = walk.next()) {
      if (next.value[1].place > after) found.push(next.value)
      if (found.length < limit) continue
      const at = next.value[1].place
      stopped = { at, walk }
      return page(found, at)
    }
    return page(found)
  }

  function pageOfIndex(indexKey: string, after: number, limit: number): SessionPage {
    const filed = keysOf(indexKey)
      .map((key): [string, Placed | undefined] => [key, sessions.get(key)])
      .filter((entry): entry is [string, Placed] => (entry[1]?.place ?? 0) > after)
    const some = filed.slice(0, limit)
    return page(some, some.length < filed.length ? some.at(-1)?.[1].place : undefined)
  }

  function page(found: readonly [string, Placed][], at?: number): SessionPage {
    const listed = found
      .filter(([key]) => isAlive(key))
      .map(([key, { idleEndsAtMs, endsAtMs }]) => ({ key, idleEndsAtMs, endsAtMs }))
    return { sessions: listed, ...(at === undefined ? {} : { cursor: String(at) }) }
  }

  return ({ indexKey, cursor, limit }) => {
    const after = Number(cursor ?? 0)
    return indexKey === undefined ? pageOfAll(after, limit) : pageOfIndex(indexKey, after, limit)
  }
}
