import { pino } from 'pino'

/** Where finished lines go. */
export interface LogDestination {
  write(line: string): unknown
  /** Called once, before the process ends: writes what is buffered, but does not wait for ever. */
  flush(): Promise<void> | void
}

const MAX_BUFFERED_BYTES = 4 * 1024 * 1024
const FLUSH_TIMEOUT_MS = 1_000
const GATHER_MS = 10 // what a crash that no handler sees (SIGKILL) may cost; a write per line costs each request 7 µs of 50
const ONE_WRITE_BYTES = 65_536 // what a pipe holds; a write goes through another thread, which costs more than its octets
const SHARED_WRITE_BYTES = 4_096 // PIPE_BUF: lines of several processes never mix in writes of at most so much

/**
 * Standard output, written in the background: a log reader that hangs costs lines past 4 MiB (told
 * to `onDrop`), never requests, and does not hold up the end. One that went away (EPIPE) is forgotten.
 * Lines that come within 10 ms go out in one write; in small ones where other processes write there, too.
 */
export function standardOutput(onDrop: () => void, isShared: boolean): LogDestination {
  const atOnceBytes = isShared ? SHARED_WRITE_BYTES : ONE_WRITE_BYTES
  const stream = pino.destination({
    fd: 1,
    sync: false,
    maxLength: MAX_BUFFERED_BYTES,
    maxWrite: atOnceBytes,
  })
  stream.on('drop', (lines: string) => {
    for (let at = lines.indexOf('\n'); at !== -1; at = lines.indexOf('\n', at + 1)) onDrop()
  })
  const gathered = gather(atOnceBytes, (lines) => stream.write(lines))
  let ended = false
  process.prependListener('exit', gathered.handOn) // ahead of pino's, which writes out what it has
  return {
    write: (line) => (ended ? onDrop() : gathered.add(line)),
    flush: async () => {
      ended = true
      gathered.handOn()
      process.off('exit', gathered.handOn)
      await endWithin(stream, FLUSH_TIMEOUT_MS)
      // pino flushes once more, synchronously, when the process exits: a reader that hangs would block that for ever.
      stream.flushSync = () => undefined
    },
  }
}

/** Collects lines until the time has come to hand them on together, or the next would not fit into one write. */
function gather(atOnceBytes: number, write: (lines: string) => unknown) {
  let lines = ''
  let bytes = 0
  let timer: NodeJS.Timeout | undefined
  const handOn = (): void => {
    clearTimeout(timer)
    timer = undefined
    if (lines === '') return
    const together = lines
    lines = ''
    bytes = 0
    write(together)
  }
  const add = (line: string): void => {
    const more = Buffer.byteLength(line)
    if (bytes + more > atOnceBytes) handOn()
    lines += line
    bytes += more
    timer ??= setTimeout(handOn, GATHER_MS)
  }
  return { add, handOn }
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
