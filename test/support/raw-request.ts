import { connect, type Socket } from 'node:net'

/** What came back on one connection until the other side closed it. */
export interface RawAnswer {
  readonly text: string
  readonly status: number | undefined
  readonly closed: boolean
}

/** Sends bytes as they are and reads until the connection closes; gives up after `timeoutMs`. */
export async function rawRequest(
  port: number,
  bytes: string | readonly string[],
  timeoutMs = 5_000,
): Promise<RawAnswer> {
  const socket = connect(port, '127.0.0.1')
  for (const part of typeof bytes === 'string' ? [bytes] : bytes) socket.write(part, 'latin1')
  return readToEnd(socket, timeoutMs)
}

/** Everything a socket receives until it closes. */
export function readToEnd(socket: Socket, timeoutMs = 5_000): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = ''
    const finish = (closed: boolean) => {
      clearTimeout(timer)
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]
      resolve({ text, status: status === undefined ? undefined : Number(status), closed })
    }
    const timer = setTimeout(() => {
      socket.destroy()
      finish(false)
    }, timeoutMs)
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => (text += chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => finish(true))
  })
}
