import { Dispatcher } from 'undici'
import type { Route } from '../domain/route.ts'
import { callOverHttp2, type CallHandler } from './http2-call.ts'
import { openHttp2, type Http2Connection, type Http2Patience } from './http2-connection.ts'
import type { Question } from './question.ts'

const MOST_CONNECTIONS = 16 // of a hundred calls each as servers come; more calls wait inside node:http2

/**
 * The connections to an upstream that speaks HTTP/2, in the place of an undici pool. undici's own HTTP/2 would lose the end of
 * a body in front of trailers, count no uploads and repeat questions by itself when a connection goes away (docs/architecture.md).
 */
export class Http2Dispatcher extends Dispatcher {
  readonly #route: Route
  readonly #patience: Http2Patience
  readonly #connections = new Set<Http2Connection>()
  readonly #stale = new WeakSet<object>()

  constructor(route: Route, patience: Http2Patience) {
    super()
    this.#route = route
    this.#patience = patience
  }

  override dispatch(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
  ): boolean {
    const [question, exchange] = [options, handler] as unknown as [Question, CallHandler]
    const connection = this.#connection()
    connection.enter()
    connection.whenReady((error) => {
      if (error === undefined)
        return callOverHttp2(connection, question, exchange, (stale) => this.#stale.add(stale))
      connection.leave()
      exchange.onError(error)
    })
    return true
  }

  /** True for the failure of a call that no upstream can have answered. */
  isStale(error: unknown): boolean {
    return typeof error === 'object' && error !== null && this.#stale.has(error)
  }

  override async close(): Promise<void> {
    await this.destroy()
  }

  override async destroy(): Promise<void> {
    for (const { session } of this.#connections) session.destroy()
  }

  /** One with room, a new one, or the least busy of too many. */
  #connection(): Http2Connection {
    const usable = [...this.#connections].filter(({ session }) => !session.closed)
    const free = usable.find((connection) => connection.hasRoom())
    if (free !== undefined) return free
    if (usable.length >= MOST_CONNECTIONS)
      return usable.reduce((least, one) => (one.openCount < least.openCount ? one : least))
    const opened = openHttp2(this.#route, this.#patience, () => this.#connections.delete(opened))
    this.#connections.add(opened)
    return opened
  }
}
