import { createServer } from 'node:http'

/** Stands in where nginx is not installed. Arguments: port, bytes. */
const [port, bytes] = process.argv.slice(2)
const body = Buffer.alloc(Number(bytes), 'x')
createServer((request, response) => {
  request.resume()
  response.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length })
  response.end(body)
}).listen(Number(port), '127.0.0.1')
