import { WebSocketServer } from 'ws'
import { startRecordingUpstream, type RecordingUpstream } from './recording-upstream.ts'

export interface UpstreamOfReloads extends RecordingUpstream {
  /** Resolves when a download is half sent; it is finished by the function that comes out. */
  readonly download: Promise<() => void>
}

interface Owner {
  teardown(close: () => unknown): unknown
}

/** `/api/slow` stops half way, `/api/stream` is an event stream, WebSockets echo, everything else says the name. */
export async function startUpstreamOfReloads(t: Owner, name: string): Promise<UpstreamOfReloads> {
  let halfSent = (_finish: () => void): void => undefined
  const download = new Promise<() => void>((resolve) => (halfSent = resolve))
  const upstream = await startRecordingUpstream(t, (request, response) => {
    if (request.url === '/api/slow') {
      response.writeHead(200, { 'content-length': 10 })
      response.write('first')
      return halfSent(() => response.end('-last'))
    }
    if (request.url !== '/api/stream') return void setTimeout(() => response.end(name), 5)
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('event: hello\ndata: 1\n\n')
    setInterval(() => response.write('event: again\ndata: 2\n\n'), 50).unref()
  })
  const sockets = new WebSocketServer({ server: upstream.server })
  sockets.on('connection', (socket) => socket.on('message', (text) => socket.send(text)))
  t.teardown(() => {
    for (const socket of sockets.clients) socket.terminate()
  })
  return { ...upstream, download }
}
