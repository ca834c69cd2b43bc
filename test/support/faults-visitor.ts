import { Agent, request, type Dispatcher } from 'undici'
import type { Echo } from './faults-echo-upstream.ts'

/** Somebody signed in, as seen by the load balancer: each request may go to any replica. */
export interface Visitor {
  readonly name: string
  /** `fetch('/api/hello')` of a page, through one replica. */
  get(
    port: number,
    wish?: { readonly path?: string; readonly signal?: AbortSignal },
  ): Promise<Answer>
  /** The sign-out button, through one replica. */
  signOut(port: number): Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** What the upstream saw; `undefined` unless the answer is the upstream's. */
  readonly echo: Echo | undefined
  /** Why the gateway refused; `undefined` unless the answer is the gateway's. */
  readonly reason: string | undefined
  readonly tookMs: number
}

interface Owner {
  teardown(close: () => unknown): unknown
}

export interface VisitorOptions {
  readonly name: string
  /** Where all replicas say they live. */
  readonly publicOrigin: string
  readonly cookie: string
  /** Longest wait for one answer; default 30 s. */
  readonly timeoutMs?: number
  /** Connections of one's choice; default as many new ones as needed. */
  readonly dispatcher?: Dispatcher
}

export function createVisitor(t: Owner, options: VisitorOptions): Visitor {
  const { name, publicOrigin, cookie, timeoutMs = 30_000 } = options
  const agent =
    options.dispatcher ?? new Agent({ headersTimeout: timeoutMs, bodyTimeout: timeoutMs })
  t.teardown(() => agent.destroy())
  const headers = {
    host: new URL(publicOrigin).host,
    origin: publicOrigin,
    cookie,
    accept: 'application/json',
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'cors',
    'sec-fetch-dest': 'empty',
  }

  async function send(
    url: string,
    method: 'GET' | 'POST',
    signal: AbortSignal | undefined,
  ): Promise<Answer> {
    const startedAtMs = performance.now()
    const answer = await request(url, {
      dispatcher: agent,
      method,
      headers,
      signal: signal ?? null,
    })
    const body = await answer.body.text()
    const json = (answer.headers['content-type'] ?? '').includes('json') ? JSON.parse(body) : {}
    const tookMs = performance.now() - startedAtMs
    const { statusCode: status } = answer
    const isEcho = status === 200 && 'subject' in json
    return {
      status,
      headers: answer.headers,
      echo: isEcho ? (json as Echo) : undefined,
      reason: (json as { reason?: string }).reason,
      tookMs,
    }
  }

  return {
    name,
    get: (port, wish = {}) =>
      send(`http://127.0.0.1:${port}${wish.path ?? '/api/hello'}`, 'GET', wish.signal),
    signOut: (port) => send(`http://127.0.0.1:${port}/oauth2/logout`, 'POST', undefined),
  }
}
