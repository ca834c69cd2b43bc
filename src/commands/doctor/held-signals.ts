const SIGNALS = ['SIGINT', 'SIGTERM'] as const

export interface HeldSignals {
  /** Aborted by the first SIGINT or SIGTERM, or with `also`. */
  readonly signal: AbortSignal
  /** Ends the holding: a signal that came meanwhile now does what it always does. */
  release(): void
}

/** Holds SIGINT and SIGTERM back, so that a command can first print what it knows. A second one ends the process. */
export function holdSignals(also: AbortSignal | undefined): HeldSignals {
  const controller = new AbortController()
  let held: NodeJS.Signals | undefined
  const letGo = () => {
    for (const name of SIGNALS) process.removeListener(name, onSignal)
  }
  const onSignal = (name: NodeJS.Signals) => {
    letGo()
    held = name
    controller.abort()
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  return {
    signal: also === undefined ? controller.signal : AbortSignal.any([controller.signal, also]),
    release() {
      letGo()
      if (held !== undefined) process.kill(process.pid, held)
    },
  }
}
