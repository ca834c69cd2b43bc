/** Stops calls to the token endpoint of test/support/openid-provider.ts at a moment of one's choice. */
export interface TokenGate {
  /** Options of the provider. */
  readonly beforeToken: () => Promise<void>
  readonly afterToken: () => Promise<void>
  /** The next call stops before the provider has read it. */
  holdBefore(): HeldCall
  /** The next call stops when the provider has rotated the refresh token and nobody knows yet. */
  holdAfter(): HeldCall
  /** Every call from now on takes this long. */
  slowDown(delayMs: number): void
}

export interface HeldCall {
  readonly reached: Promise<void>
  letGo(): void
}

interface Stop extends HeldCall {
  arrive(): Promise<void>
}

export function createTokenGate(): TokenGate {
  const before: Stop[] = []
  const after: Stop[] = []
  let delayMs = 0
  return {
    async beforeToken() {
      await before.shift()?.arrive()
      if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
    },
    afterToken: async () => after.shift()?.arrive(),
    holdBefore: () => next(before),
    holdAfter: () => next(after),
    slowDown: (ms) => void (delayMs = ms),
  }
}

function next(stops: Stop[]): HeldCall {
  const stop = newStop()
  stops.push(stop)
  return stop
}

function newStop(): Stop {
  let letGo = (): void => {}
  let reach = (): void => {}
  const freed = new Promise<void>((resolve) => (letGo = resolve))
  const reached = new Promise<void>((resolve) => (reach = resolve))
  return {
    reached,
    letGo: () => letGo(),
    arrive: () => {
      reach()
      return freed
    },
  }
}
