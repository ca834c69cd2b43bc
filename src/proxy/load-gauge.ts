import { monitorEventLoopDelay } from 'node:perf_hooks'

/** Knows when this process has had more to do than it can for a while. */
export interface LoadGauge {
  /** New requests are then better told to come later than made to wait (RL-6). */
  isOverloaded(): boolean
  close(): void
}

export interface LoadGaugeOptions {
  /** How late the event loop came to its work, on average since the last call; milliseconds. */
  readonly meanDelayMs?: () => number
  readonly windowMs?: number
}

const WINDOW_MS = 1_000
const MOST_DELAY_MS = 300 // a request passes the loop three times: it would wait a second in here alone
const RESOLUTION_MS = 20
const NANOSECONDS_PER_MS = 1e6

/** Judges by windows, and by two in a row: one long pause of the collector is no overload, and is over when it is seen. */
export function createLoadGauge(options: LoadGaugeOptions = {}): LoadGauge {
  const loop = options.meanDelayMs === undefined ? watchLoop() : undefined
  const meanDelayMs = options.meanDelayMs ?? (() => loop?.meanDelayMs() ?? 0)
  let lateWindows = 0
  const look = (): void => void (lateWindows = meanDelayMs() > MOST_DELAY_MS ? lateWindows + 1 : 0)
  const timer = setInterval(look, options.windowMs ?? WINDOW_MS).unref()
  return {
    isOverloaded: () => lateWindows > 1,
    close() {
      clearInterval(timer)
      loop?.close()
    },
  }
}

function watchLoop() {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  delays.enable()
  return {
    meanDelayMs(): number {
      const meanMs = delays.mean / NANOSECONDS_PER_MS - RESOLUTION_MS // it counts from tick to tick
      delays.reset()
      return meanMs
    },
    close: () => delays.disable(),
  }
}
