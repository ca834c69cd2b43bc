/** What the watch must know of one transfer under way. */
export interface LiveTransfer {
  /** Neighbours in the list of all; the list's business. */
  previous: LiveTransfer | undefined
  next: LiveTransfer | undefined
  /** Number of the tick in which something last moved; the transfer sets it, the watch reads it. */
  activeTick: number
  /** Longest silence in ticks for the state it is in; 0 waits for ever. */
  patienceTicks(): number
  /** Nothing has moved for too long. */
  onSilence(): void
  /** Number of the tick after which it has lasted too long, whatever moves; 0 sets no end. */
  readonly dueTick: number
  /** That tick is over. */
  onOverdue(): void
  /** Every tick: send on what waits for company. */
  onTick(): void
  /** Sockets and event streams last until somebody ends them. */
  readonly endless: boolean
  /** Ends it in the way its protocol foresees. */
  endStream(): void
}

/**
 * All transfers under way. One interval times them all: a timer for each request would cost more than the check.
 */
export interface LiveTransfers {
  /** Counted from the start; transfers compare, nobody reads a clock. */
  readonly tick: number
  add(transfer: LiveTransfer): void
  remove(transfer: LiveTransfer): void
  /** Requests, event streams and sockets under way. */
  count(): number
  /** Event streams and sockets alone. */
  streamCount(): number
  /** For a shutdown: event streams and sockets would keep it waiting (W4). */
  endStreams(): void
}

export const TICK_MS = 250

/** Ticks that are surely no shorter than this many milliseconds; 0 stays 0 (for ever). */
export function ticks(durationMs: number): number {
  return durationMs === 0 ? 0 : Math.ceil(durationMs / TICK_MS) + 1
}

/**
 * The watch runs only while there is something to watch. A linked list, not a Set: the tables that a busy Set outgrows
 * keep dead requests alive for the garbage collector, which cost a quarter of all CPU time.
 */
export function createLiveTransfers(): LiveTransfers {
  let first: LiveTransfer | undefined
  let count = 0
  let timer: NodeJS.Timeout | undefined
  const watch = (): void => {
    transfers.tick += 1
    if (count === 0) {
      clearInterval(timer)
      timer = undefined
    }
    for (const transfer of listFrom(first)) look(transfer, transfers.tick)
  }
  const transfers = {
    tick: 0,
    add: (transfer: LiveTransfer) => {
      transfer.activeTick = transfers.tick
      transfer.next = first
      if (first !== undefined) first.previous = transfer
      first = transfer
      count += 1
      timer ??= setInterval(watch, TICK_MS).unref()
    },
    remove: (transfer: LiveTransfer) => {
      if (transfer.previous !== undefined) transfer.previous.next = transfer.next
      else if (first === transfer) first = transfer.next
      if (transfer.next !== undefined) transfer.next.previous = transfer.previous
      transfer.previous = undefined
      transfer.next = undefined
      count -= 1
    },
    count: () => count,
    streamCount: () => listFrom(first).filter(({ endless }) => endless).length,
    endStreams: () => {
      for (const transfer of listFrom(first)) if (transfer.endless) transfer.endStream()
    },
  }
  return transfers
}

/** A copy: whoever is looked at may leave the list. */
function listFrom(first: LiveTransfer | undefined): LiveTransfer[] {
  const all: LiveTransfer[] = []
  for (let transfer = first; transfer !== undefined; transfer = transfer.next) all.push(transfer)
  return all
}

function look(transfer: LiveTransfer, tick: number): void {
  const patience = transfer.patienceTicks()
  if (patience > 0 && tick - transfer.activeTick > patience) return transfer.onSilence()
  if (transfer.dueTick > 0 && tick > transfer.dueTick) return transfer.onOverdue()
  transfer.onTick()
}
