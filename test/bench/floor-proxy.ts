import { createServer } from 'node:http'
import { Pool, type Dispatcher } from 'undici'

/** The least that node:http and undici can do: no rule kept, nothing logged. Arguments: port, upstream. */
const [port, upstream] = process.argv.slice(2)
const pool = new Pool(String(upstream), { connections: 128, pipelining: 1 })
const server = createServer((request, response) => {
  const { method = 'GET', url: path = '/', headers } = request
  const handler: Dispatcher.DispatchHandler = {
    onConnect: () => undefined,
    onHeaders: (status, rawHeaders) => {
      response.writeHead(status, rawHeaders.map((text) => text.toString('latin1')).filter(keeps))
      return true
    },
    onData: (chunk) => response.write(chunk),
    onComplete: () => void response.end(),
    onError: () => void response.destroy(),
  }
  delete headers.connection
  pool.dispatch({ method, path, headers, body: null }, handler)
})
server.listen(Number(port), '127.0.0.1')

function keeps(_text: string, at: number, all: string[]): boolean {
  return (all[at - (at % 2)] ?? '').toLowerCase() !== 'connection'
}
