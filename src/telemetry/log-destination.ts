import { pino } from 'pino'

const MAX_BUFFERED_BYTES = 4 * 1024 * 1024

/** Where finished lines go. */
export interface LogDestination {
  write(line: string): unknown
  /** Writes what is buffered, now: called once, before the process ends. */
  flush(): void
}

/**
 * Standard output, written in the background: a log reader that hangs costs lines past 4 MiB (told
 * to `onDrop`), never requests. One that went away (EPIPE) is forgotten.
 */
export function standardOutput(onDrop: () => void): LogDestination {
  const stream = pino.destination({ fd: 1, sync: false, maxLength: MAX_BUFFERED_BYTES })
  stream.on('drop', onDrop)
  return { write: (line) => stream.write(line), flush: () => flush(stream) }
}

function flush(stream: { flushSync(): void }): void {
  try {
    stream.flushSync()
  } catch {
    // The reader is gone or full, and the process is ending: there is nobody left to tell.
  }
}
