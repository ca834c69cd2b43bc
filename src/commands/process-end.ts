/** Why the process should come to an end. */
export interface ProcessEnd {
  readonly why: string
  readonly exitCode: number
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Waits for the first reason to end: a signal, the caller, or an exception that nobody caught. The
 * last is told to `onFailure`, and still drains: one broken message must not cut every other
 * request (STACK P5). A promise that nobody caught is told too, and ends nothing: what failed was
 * one request, and memory is as it was (STANDARDS ER-12). A second signal ends the process at once.
 */
export function awaitProcessEnd(
  signal: AbortSignal | undefined,
  onFailure: (cause: unknown) => void,
): { ended: Promise<ProcessEnd>; stop: () => void } {
  let resolve: (end: ProcessEnd) => void = () => undefined
  const ended = new Promise<ProcessEnd>((settle) => {
    resolve = settle
  })
  let ending = false
  const end = (why: string, exitCode: number) => {
    ending = true
    resolve({ why, exitCode })
  }
  const onSignal = (name: NodeJS.Signals) => (ending ? process.exit(1) : end(name, 0))
  const onUncaught = (cause: unknown) => {
    onFailure(cause)
    end('uncaught failure', 1)
  }
  const onAbort = () => end('asked to stop', 0)
  for (const name of SIGNALS) process.on(name, onSignal)
  process.on('uncaughtException', onUncaught)
  process.on('unhandledRejection', onFailure)
  signal?.addEventListener('abort', onAbort)
  if (signal?.aborted === true) onAbort()
  return {
    ended,
    stop: () => {
      for (const name of SIGNALS) process.removeListener(name, onSignal)
      process.removeListener('uncaughtException', onUncaught)
      process.removeListener('unhandledRejection', onFailure)
      signal?.removeEventListener('abort', onAbort)
    },
  }
}
