const LATE_MS = 100
const READING_MS = 250

/**
 * Runs something when a time is over, unless it is cancelled by what is returned.
 *
 * Timers run before sockets are read. A process that was stopped, or got no time, finds its deadlines over and the
 * answers unread: those that came in time are read first, so that nobody else is blamed and no token is lost.
 */
export function onDeadline(deadlineMs: number, run: () => void): () => void {
  const dueAtMs = performance.now() + deadlineMs
  let timer = setTimeout(() => {
    const readingMs = performance.now() - dueAtMs > LATE_MS ? READING_MS : 0
    timer = setTimeout(() => setImmediate(run), readingMs)
  }, deadlineMs)
  return () => clearTimeout(timer)
}

/** What the work comes to. @throws Error it takes longer than this */
export function within<Result>(deadlineMs: number, work: PromiseLike<Result>): Promise<Result> {
  let cancel = (): void => {}
  const late = new Promise<never>((_resolve, reject) => {
    cancel = onDeadline(deadlineMs, () => reject(new Error(`no answer within ${deadlineMs} ms`)))
  })
  return Promise.race([work, late]).finally(cancel)
}
