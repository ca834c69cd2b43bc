import httpProxy from '@fastify/http-proxy'
import { fastify } from 'fastify'

/** What we compare with: @fastify/http-proxy as its README starts it. Arguments: port, upstream. */
const [port, upstream] = process.argv.slice(2)
const app = fastify()
await app.register(httpProxy, { upstream: String(upstream) })
await app.listen({ host: '127.0.0.1', port: Number(port) })
