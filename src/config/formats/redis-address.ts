import type { RedisAddress } from '../../session-store/redis-options.ts'
import { accepted, refused, type Parsed } from './parsed.ts'

/** What a Redis URL says. */
export interface RedisUrl extends RedisAddress {
  readonly tls: boolean
  readonly username?: string
  readonly password?: string
  readonly database?: number
}

const DEFAULT_PORT = 6379
const URL_FORM = 'allowed is redis[s]://[user:password@]host[:port][/database]'
const SERVER_FORM = 'allowed are host:port and [address]:port'

/** `redis[s]://[user:password@]host[:port][/database]`. */
export function parseRedisUrl(text: string): Parsed<RedisUrl> {
  if (!/^rediss?:\/\/[\u0021-\u007e]+$/.test(text) || !URL.canParse(text)) {
    return refused(`is not the address of a Redis server: ${URL_FORM}`)
  }
  const url = new URL(text)
  if (/[?#]/.test(text)) return refused(`must not have a query or fragment: ${URL_FORM}`)
  const database = /^\/?$|^\/(\d{1,5})$/.exec(url.pathname)
  const address = hostAndPort(url.hostname, url.port)
  if (database === null) return refused(`has a path that is no database number: ${URL_FORM}`)
  if (address === undefined) return refused(`has no usable host or port: ${URL_FORM}`)
  const username = decoded(url.username)
  const password = decoded(url.password)
  if (username === undefined || password === undefined)
    return refused('has a % that is no percent-encoding: write %25')
  return accepted({
    ...address,
    tls: url.protocol === 'rediss:',
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(database[1] === undefined ? {} : { database: Number(database[1]) }),
  })
}

/** `host:port`, as lists of servers take it. */
export function parseRedisServer(text: string): Parsed<RedisAddress> {
  const [, host = '', port = ''] = /^(\[[0-9a-fA-F:.]+\]|[^\s:/@[\]]+):(\d{1,5})$/.exec(text) ?? []
  const address = host === '' ? undefined : hostAndPort(host, port)
  return address === undefined ? refused(`is not a server: ${SERVER_FORM}`) : accepted(address)
}

/** Short, visible, and without what patterns of an ACL and slots of a Cluster give a meaning to. */
export function parseRedisKeyPrefix(text: string): Parsed<string> {
  if (/^[A-Za-z0-9._:/-]{1,64}$/.test(text)) return accepted(text)
  return refused('is no key prefix: allowed are up to 64 letters, digits and . _ : / -')
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function hostAndPort(host: string, portText: string): RedisAddress | undefined {
  const port = portText === '' ? DEFAULT_PORT : Number(portText)
  if (host === '' || port < 1 || port > 65_535) return undefined
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port }
}
