/** What the watch must know of one transfer under way. */
export interface LiveTransfer {
  /** Number of the tick in which something last moved; the transfer sets it, the watch reads it. */
  activeTick: number
  /** Longest silence in ticks for the state it is in; 0 waits for ever. */
  patienceTicks(): number
  /** Nothing has moved for too long. */
  onSilence(): void
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
  /** For a shutdown: event streams and sockets would keep it waiting (W4). */
  endStreams(): void
}

export const TICK_MS = 250

/** Ticks that are surely no shorter than this many milliseconds; 0 stays 0 (for ever). */
export function ticks(durationMs: number): number {
  return durationMs === 0 ? 0 : Math.ceil(durationMs / TICK_MS) + 1
}

/** The watch runs only while there is something to watch. */
export function createLiveTransfers(): LiveTransfers {
  const live = new Set<LiveTransfer>()
  let timer: NodeJS.Timeout | undefined
  const transfers = {
    tick: 0,
    add: (transfer: LiveTransfer) => {
      transfer.activeTick = transfers.tick
      live.add(transfer)
      timer ??= setInterval(watch, TICK_MS).unref()
    },
    remove: (transfer: LiveTransfer) => void live.delete(transfer),
    count: () => live.size,
    endStreams: () => {
      for (const transfer of live) if (transfer.endless) transfer.endStream()
    },
  }
  const watch = (): void => {
    transfers.tick += 1
    if (live.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
    for (const transfer of live) look(transfer, transfers.tick)
  }
  return transfers
}

function look(transfer: LiveTransfer, tick: number): void {
  const patience = transfer.patienceTicks()
  if (patience > 0 && tick - transfer.activeTick > patience) return transfer.onSilence()
  transfer.onTick()
}
