import { createServer } from 'node:http'

/** Reads the whole request, then answers 200. Arguments: port, bytes. */
const [port, bytes] = process.argv.slice(2)
const body = Buffer.alloc(Number(bytes), 'x')
createServer((request, response) => {
  request.resume().on('end', () => {
    response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length })
    response.end(body)
  })
}).listen(Number(port), '127.0.0.1')
