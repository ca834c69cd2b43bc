/** SIGHUP asks for the configuration to be read again. It never ends the process, as it would by default. */
export interface ReloadSignal {
  /**
   * What to do from now on, one at a time; must not throw. A signal that came before there was anything to do is acted on now:
   * the file may have changed after it was read.
   */
  serve(act: () => Promise<void>): void
  /** Resolves when nothing is being done. */
  idle(): Promise<void>
  /** Hears no more. */
  stop(): void
}

/** However many signals arrive while one is acted on, the file is read once more after it. */
export function hearReloadSignal(): ReloadSignal {
  let wanted = false
  let act: (() => Promise<void>) | undefined
  let acting: Promise<void> | undefined

  async function work(): Promise<void> {
    wanted = false
    await act?.()
  }
  function look(): void {
    if (acting !== undefined || act === undefined || !wanted) return
    acting = Promise.resolve()
      .then(work)
      .finally(() => {
        acting = undefined
        look()
        return acting
      })
  }
  const onSignal = (): void => {
    wanted = true
    look()
  }
  process.on('SIGHUP', onSignal)
  return {
    serve(next) {
      act = next
      look()
    },
    idle: async () => acting,
    stop: () => void process.removeListener('SIGHUP', onSignal),
  }
}
