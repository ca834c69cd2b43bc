import type { Emit } from '../domain/events.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import { createBoundedFetch } from './bounded-fetch.ts'
import type { BoundedFetch } from './bounded-fetch.ts'
import { watchingClockSkew } from './clock-skew.ts'
import { connectToProvider } from './provider-connection.ts'
import type { ProviderConnection } from './provider-connection.ts'
import type { ProviderOptions } from './provider-options.ts'

/** The configured provider: known now, or sought in the background until it is. */
export interface Provider {
  readonly options: ProviderOptions
  readonly emit: Emit
  /** Metadata and keys have been read; stays true through later outages. */
  ready(): boolean
  /** Why the newest attempt to read them failed; `undefined` when it did not. */
  lastError(): unknown
  /** What is known of the provider, if anything. */
  current(): ProviderConnection | undefined
  /**
   * What is known of the provider. When nothing is, waits up to 2 s for an attempt.
   *
   * @throws GatewayError provider_unavailable: not reached, or not usable (see the cause)
   */
  connection(): Promise<ProviderConnection>
  /** Work that outlives its request; `signal` aborts when the provider is closed. */
  inBackground(work: (signal: AbortSignal) => Promise<void>): Promise<void>
  /** Emits this warning, the first time only. */
  warnOnce(code: string, message: string): void
  /** Cancels calls, timers and background work. */
  close(): Promise<void>
}

interface Search {
  readonly options: ProviderOptions
  readonly emit: Emit
  readonly fetch: BoundedFetch
  connection: ProviderConnection | undefined
  lastError: unknown
  failures: number
  /** When the newest attempt ended. */
  endedAtMs: number
  startedAtMs: number
  pending: Promise<void> | undefined
  timer: NodeJS.Timeout | undefined
  closed: boolean
}

const FIRST_RETRY_MS = 500
const LONGEST_RETRY_MS = 30_000
const LONGEST_WAIT_MS = 2_000 // what a person at a page may be kept waiting for a provider that is back
const LEAST_SKEW_MS = 5_000 // NTP keeps clocks within milliseconds; less than this may be a slow answer
const METADATA_REFRESH_MS = 600_000 // a withdrawn key is trusted no longer than this

/**
 * Starts to look for the provider in the background, with backoff, and reads metadata and keys again
 * on a timer. Returns at once: a gateway starts while its provider is down (STANDARDS ID-4).
 */
export function createProvider(options: ProviderOptions, emit: Emit): Provider {
  const http = createBoundedFetch(options)
  const closing = new AbortController()
  const background = new Set<Promise<void>>()
  const warned = new Set<string>()
  const warnOnce = (code: string, message: string): void => {
    if (warned.has(code)) return
    warned.add(code)
    emit({ type: 'warning', code, message })
  }
  const search: Search = {
    options,
    emit,
    fetch: watchingClockSkew(http.fetch, toleratedSkewMs(options), (message) =>
      warnOnce('clock_skew', message),
    ),
    connection: undefined,
    lastError: undefined,
    failures: 0,
    endedAtMs: 0,
    startedAtMs: Date.now(),
    pending: undefined,
    timer: undefined,
    closed: false,
  }
  void attempt(search)
  return {
    options,
    emit,
    ready: () => search.connection !== undefined,
    lastError: () => search.lastError,
    current: () => search.connection,
    connection: () => awaitConnection(search),
    inBackground: async (work) => {
      const task = work(closing.signal).finally(() => background.delete(task))
      background.add(task)
      await task
    },
    warnOnce,
    close: async () => {
      search.closed = true
      clearTimeout(search.timer)
      closing.abort()
      await http.close()
      await Promise.allSettled([search.pending, ...background])
    },
  }
}

/** Half of what logins bear: time to mend it before they fail. */
function toleratedSkewMs({ clockToleranceMs }: ProviderOptions): number {
  return Math.max(LEAST_SKEW_MS, clockToleranceMs / 2)
}

function attempt(search: Search): Promise<void> {
  clearTimeout(search.timer)
  search.pending ??= connectToProvider(search.options, search.fetch, search.connection)
    .then(
      (connection) => found(search, connection),
      (error: unknown) => missed(search, error),
    )
    .finally(() => {
      search.pending = undefined
      search.endedAtMs = Date.now()
    })
  return search.pending
}

function found(search: Search, connection: ProviderConnection): void {
  const news = search.connection === undefined || search.failures > 0
  search.connection = connection
  search.lastError = undefined
  search.failures = 0
  if (search.closed) return
  schedule(search, search.options.metadataRefreshMs ?? METADATA_REFRESH_MS)
  if (!news) return
  const { issuer } = search.options
  search.emit({ type: 'provider_ready', issuer, durationMs: Date.now() - search.startedAtMs })
  if (search.options.sharesCallback === true && !connection.metadata.announcesIss) {
    search.emit({ type: 'warning', code: 'iss_not_announced', message: ISS_NOT_ANNOUNCED })
  }
}

const ISS_NOT_ANNOUNCED =
  'the provider does not announce iss in its answers (RFC 9207), and others share its callback: without it logins are refused; ownCallback: true mends that'

function missed(search: Search, cause: unknown): void {
  if (search.failures === 0) search.startedAtMs = Date.now()
  search.lastError = cause
  search.failures += 1
  if (search.closed) return
  const retryInMs = retryDelayMs(search.failures, Math.random())
  schedule(search, retryInMs)
  search.emit({ type: 'provider_unavailable', issuer: search.options.issuer, retryInMs, cause })
}

function schedule(search: Search, delayMs: number): void {
  search.timer = setTimeout(() => void attempt(search), delayMs).unref()
}

/** From 0.5 s doubling to 30 s, the last half of it random so that replicas do not come together. */
function retryDelayMs(failures: number, random: number): number {
  const fullMs = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), LONGEST_RETRY_MS)
  return Math.round(fullMs * (0.5 + random / 2))
}

async function awaitConnection(search: Search): Promise<ProviderConnection> {
  if (search.connection !== undefined) return search.connection
  const justFailed = Date.now() - search.endedAtMs < FIRST_RETRY_MS
  if (!search.closed && (search.pending !== undefined || !justFailed)) {
    await within(attempt(search), LONGEST_WAIT_MS)
  }
  if (search.connection !== undefined) return search.connection
  throw new GatewayError('provider_unavailable', 'the provider is not known yet', {
    cause: search.lastError,
  })
}

async function within(work: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs).unref()
  })
  await Promise.race([work, timeout])
  clearTimeout(timer)
}
