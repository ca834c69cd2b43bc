import type { Dispatcher } from 'undici'
import type { UpstreamPool, UpstreamPools } from '../../src/proxy/upstream-pool.ts'

type Handler = Required<
  Pick<
    Dispatcher.DispatchHandler,
    'onConnect' | 'onHeaders' | 'onData' | 'onComplete' | 'onError' | 'onBodySent'
  >
> & { onResponseStarted(): void }

/** One call as undici keeps it towards its handler; the test says what comes from the upstream. */
export class ScriptedCall {
  readonly #handler: Handler
  phase: 'waiting' | 'connected' | 'answering' | 'over' = 'waiting'
  isPaused = false
  isAborted = false
  /** Times it was told to go on although it was over. */
  lateResumes = 0

  constructor(handler: Dispatcher.DispatchHandler) {
    this.#handler = handler as Handler
  }

  connect(): void {
    if (this.phase === 'waiting') this.phase = 'connected'
    this.#handler.onConnect(() => this.#abort(new Error('aborted')))
  }

  sent(bytes: number): void {
    this.#handler.onBodySent(Buffer.alloc(bytes) as never, bytes)
  }

  head(status: number, rawHeaders: readonly string[]): void {
    if (status >= 200 && this.phase === 'connected') this.phase = 'answering'
    const octets = rawHeaders.map((text) => Buffer.from(text, 'latin1'))
    this.#handler.onResponseStarted()
    this.#tell(() => this.#handler.onHeaders(status, octets, () => this.#resume(), 'Said'))
  }

  data(chunk: Buffer): void {
    this.#tell(() => this.#handler.onData(chunk))
  }

  complete(rawTrailers: string[]): void {
    this.phase = 'over'
    this.#handler.onComplete(rawTrailers)
  }

  fail(error: Error): void {
    this.phase = 'over'
    this.#handler.onError(error)
  }

  #resume(): void {
    if (this.phase === 'over') this.lateResumes += 1
    this.isPaused = false
  }

  /** What a handler throws ends the call, as undici has it. */
  #tell(callback: () => boolean): void {
    try {
      if (!callback() && this.phase !== 'over') this.isPaused = true
    } catch (error) {
      this.#abort(error as Error)
    }
  }

  #abort(error: Error): void {
    if (this.phase === 'over') return
    this.phase = 'over'
    this.isAborted = true
    this.#handler.onError(error)
  }
}

/** Pools that reach nothing: each call is handed to the test. */
export interface ScriptedPools extends UpstreamPools {
  readonly pool: UpstreamPool
  readonly calls: ScriptedCall[]
  /** An error of a connection that had served before. */
  readonly reused: WeakSet<object>
}

export function scriptedPools(): ScriptedPools {
  const calls: ScriptedCall[] = []
  const reused = new WeakSet<object>()
  const dispatch = (_options: unknown, handler: Dispatcher.DispatchHandler): boolean => {
    calls.push(new ScriptedCall(handler))
    return true
  }
  const pool: UpstreamPool = {
    dispatcher: { dispatch } as unknown as Dispatcher,
    calls: 0,
    maxCalls: 1_000,
    wasReused: (error) => typeof error === 'object' && error !== null && reused.has(error),
  }
  const pools: ScriptedPools = {
    pool,
    calls,
    reused,
    all: [pool],
    poolOf: () => pool,
    withRoutes: () => pools,
    close: async () => undefined,
  }
  return pools
}
