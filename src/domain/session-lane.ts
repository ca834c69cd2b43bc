/** Runs the work on one session one piece after another, in the order it was asked for. */
export type SessionLane = <Result>(
  key: string,
  /** Told how the piece right before it failed, if it did. */
  work: (failureBefore: unknown) => Promise<Result>,
) => Promise<Result>

/**
 * One lane per session of this process. What spends the refresh token takes the store's lock as well; the lane
 * only spares it the crowd.
 */
export function createSessionLane(): SessionLane {
  const last = new Map<string, Promise<unknown>>()
  return (key, work) => {
    const before = last.get(key)
    const running =
      before === undefined ? work(undefined) : before.then(() => work(undefined), work)
    last.set(key, running)
    const leave = (): void => {
      if (last.get(key) === running) last.delete(key)
    }
    running.then(leave, leave)
    return running
  }
}
