import { createServer } from 'node:http'

/** Reads the whole request, then answers 200; at `/echo` with the Authorization it got. Arguments: port, bytes. */
const [port, bytes] = process.argv.slice(2)
const fixed = Buffer.alloc(Number(bytes), 'x')
createServer((request, response) => {
  request.resume().on('end', () => {
    const { url, headers } = request
    const body = url === '/echo' ? Buffer.from(headers.authorization ?? '') : fixed
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length })
    response.end(body)
  })
}).listen(Number(port), '127.0.0.1')
