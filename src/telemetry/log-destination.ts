import { pino } from 'pino'

/** Where finished lines go. */
export interface LogDestination {
  write(line: string): unknown
  /** Called once, before the process ends: writes what is buffered, but does not wait for ever. */
  flush(): Promise<void> | void
}

const MAX_BUFFERED_BYTES = 4 * 1024 * 1024
const FLUSH_TIMEOUT_MS = 1_000

/**
 * Standard output, written in the background: a log reader that hangs costs lines past 4 MiB (told
 * to `onDrop`), never requests, and does not hold up the end. One that went away (EPIPE) is forgotten.
 */
export function standardOutput(onDrop: () => void): LogDestination {
  const stream = pino.destination({ fd: 1, sync: false, maxLength: MAX_BUFFERED_BYTES })
  let ended = false
  stream.on('drop', onDrop)
  return {
    write: (line) => (ended ? onDrop() : stream.write(line)),
    flush: async () => {
      ended = true
      await endWithin(stream, FLUSH_TIMEOUT_MS)
      // pino flushes once more, synchronously, when the process exits: a reader that hangs would block that for ever.
      stream.flushSync = () => undefined
    },
  }
}

type Stream = ReturnType<typeof pino.destination>

function endWithin(stream: Stream, timeoutMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs)
    stream.once('close', () => {
      clearTimeout(timer)
      resolve()
    })
    stream.end()
  })
}
