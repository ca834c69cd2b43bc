import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'

/** Frame types (RFC 9113 §6). */
export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const

export const END_STREAM = 0x1
export const END_HEADERS = 0x4
const ACK = 0x1
const PREFACE_BYTES = 24
const HEAD_BYTES = 9

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

/** One connection of the gateway, as frames. */
export interface WireConnection {
  readonly socket: Socket
  /** Counted from 0 in the order of their coming. */
  readonly number: number
  send(...frames: readonly Buffer[]): void
}

export interface WireUpstream {
  readonly origin: string
  connectionCount(): number
  /** All frames so far, of all connections. */
  readonly frames: readonly Frame[]
  /** Resolves with the first frame that fits, at once if it has come. */
  frame(fits: (frame: Frame) => boolean): Promise<Frame>
}

interface Owner {
  teardown(close: () => unknown): unknown
}

/** An HTTP/2 server made of octets: it greets with empty SETTINGS and acknowledges; the rest is up to `answer`. */
export async function startHttp2Wire(
  t: Owner,
  answer: (connection: WireConnection, frame: Frame) => void,
  greeting: Buffer = frame(FRAME.settings, 0, 0),
): Promise<WireUpstream> {
  const frames: Frame[] = []
  const sockets = new Set<Socket>()
  let connectionCount = 0
  let wake = (): void => undefined
  const server = createServer((socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)))
    socket.on('error', () => undefined)
    const connection = {
      socket,
      number: connectionCount++,
      send: (...parts: readonly Buffer[]) => void socket.write(Buffer.concat(parts)),
    }
    connection.send(greeting)
    readFrames(socket, (received) => {
      frames.push(received)
      if (received.type === FRAME.settings && (received.flags & ACK) === 0)
        connection.send(frame(FRAME.settings, ACK, 0))
      answer(connection, received)
      wake()
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connectionCount: () => connectionCount,
    frames,
    frame: async (fits) => {
      for (;;) {
        const found = frames.find(fits)
        if (found !== undefined) return found
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
  }
}

/** The octets of a frame. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer | string = '',
): Buffer {
  const content = Buffer.from(payload)
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUIntBE(content.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, content])
}

/** Fields as HPACK without any compression (RFC 7541 §6.2.2), pseudo fields included. */
export function fields(...pairs: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(
    pairs.flatMap(([name, value]) => [Buffer.from([0]), lengthAnd(name), lengthAnd(value)]),
  )
}

/** A whole answer `200` with this body. */
export function answerFrames(stream: number, body: string): Buffer {
  return Buffer.concat([
    frame(FRAME.headers, END_HEADERS, stream, fields([':status', '200'])),
    frame(FRAME.data, END_STREAM, stream, body),
  ])
}

/** A 32-bit number as a payload or a part of one. */
export function number32(value: number): Buffer {
  const octets = Buffer.alloc(4)
  octets.writeUInt32BE(value)
  return octets
}

function lengthAnd(text: string): Buffer {
  const octets = Buffer.from(text, 'latin1')
  const lengths: number[] = []
  let rest = octets.length
  if (rest < 127) lengths.push(rest)
  else {
    lengths.push(127)
    for (rest -= 127; rest >= 128; rest = Math.floor(rest / 128)) lengths.push((rest % 128) + 128)
    lengths.push(rest)
  }
  return Buffer.concat([Buffer.from(lengths), octets])
}

function readFrames(socket: Socket, onFrame: (frame: Frame) => void): void {
  let kept = Buffer.alloc(0)
  let isGreeted = false
  socket.on('data', (chunk: Buffer) => {
    kept = Buffer.concat([kept, chunk])
    if (!isGreeted) {
      if (kept.length < PREFACE_BYTES) return
      kept = kept.subarray(PREFACE_BYTES)
      isGreeted = true
    }
    while (kept.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + kept.readUIntBE(0, 3)
      if (kept.length < end) return
      const [type, flags] = [kept.readUInt8(3), kept.readUInt8(4)]
      const stream = kept.readUInt32BE(5)
      const payload = kept.subarray(HEAD_BYTES, end)
      kept = kept.subarray(end)
      onFrame({ type, flags, stream, payload })
    }
  })
}
