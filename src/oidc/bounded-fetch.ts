import { setTimeout as delay } from 'node:timers/promises'
import { Agent, fetch } from 'undici'
import type { RequestInit as UndiciRequestInit } from 'undici'
import { onDeadline } from '../domain/deadline.ts'
import { GatewayError } from '../domain/gateway-error.ts'

/** `fetch`, with limits on time, size and number. Never follows a redirect. */
export type BoundedFetch = (url: string, request?: BoundedRequest) => Promise<Response>

export interface BoundedRequest {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>> | Headers
  readonly body?: unknown
  /** Strangers cause it at will: it waits for a connection behind others of its kind only, never ahead of a callback or a refresh. */
  readonly ofStrangers?: StrangersCall
}

/** Tokens of callers are asked about; logins are begun. */
export type StrangersCall = 'introspection' | 'login_start'

export interface BoundedFetchOptions {
  /** Deadline of a call, its body included; at most 10 s are used. */
  readonly timeoutMs: number
  readonly certificateAuthority?: string
  /** Shown to whoever asks for one in TLS; PEM text of both. */
  readonly clientCertificate?: { readonly certificate: string; readonly key: string }
}

const MAX_TIMEOUT_MS = 10_000 // STANDARDS TK-13
const MAX_BODY_BYTES = 1_048_576 // STANDARDS TK-13: tokens, keys and metadata are far smaller
const MAX_CONNECTIONS = 16 // per origin, and as many for each kind of strangers' calls; more wait within their deadline
const MAX_STRANGERS_CALLS = 256 // under way or waiting, of each kind: strangers can begin faster than a provider answers
const RETRY_DELAY_MS = 200
/** Said out loud: NODE_TLS_REJECT_UNAUTHORIZED=0 in some environment would switch off what is left to Node (CF-5). */
const VERIFIED = { rejectUnauthorized: true, minVersion: 'TLSv1.2' } as const

/**
 * The one way to the provider: own connections, answers of at most 1 MiB after decompression, read
 * completely within the deadline (STACK O8). A call is made a second time only if the connection
 * never came to be, so no code and no refresh token is ever sent twice (STANDARDS TK-14).
 */
export function createBoundedFetch(options: BoundedFetchOptions): {
  readonly fetch: BoundedFetch
  close(): Promise<void>
} {
  const timeoutMs = Math.min(options.timeoutMs, MAX_TIMEOUT_MS)
  const connect = { timeout: timeoutMs, ...VERIFIED, ...credentialsOf(options) }
  const newDispatcher = () =>
    new Agent({
      connections: MAX_CONNECTIONS,
      pipelining: 0, // no kept connections: a POST on one that the provider just closed may not be repeated
      connect,
    })
  const ours = newDispatcher()
  const strangers = { introspection: newDispatcher(), login_start: newDispatcher() }
  const underway = { introspection: 0, login_start: 0 }
  const bounded: BoundedFetch = async (url, request = {}) => {
    const controller = new AbortController()
    const cancel = onDeadline(timeoutMs, () => controller.abort(timedOut(timeoutMs)))
    const init = {
      method: request.method ?? 'GET',
      headers: { 'accept-encoding': 'identity', ...plainHeaders(request.headers) },
      body: (request.body ?? null) as UndiciRequestInit['body'] & {},
      redirect: 'manual',
      signal: controller.signal,
      dispatcher: request.ofStrangers === undefined ? ours : strangers[request.ofStrangers],
    } satisfies UndiciRequestInit
    try {
      return await fetchWhole(url, init)
    } catch (error) {
      if (!connectionNeverMade(error) || !(await waited(init.signal))) throw error
      return await fetchWhole(url, init)
    } finally {
      cancel()
    }
  }
  const boundedFetch: BoundedFetch = async (url, request) => {
    const kind = request?.ofStrangers
    if (kind === undefined) return bounded(url, request)
    if (underway[kind] >= MAX_STRANGERS_CALLS) throw tooMany()
    underway[kind] += 1
    return bounded(url, request).finally(() => void (underway[kind] -= 1))
  }
  const all = [ours, ...Object.values(strangers)]
  const close = async () => void (await Promise.all(all.map((one) => one.destroy())))
  return { fetch: boundedFetch, close }
}

function credentialsOf({ certificateAuthority: ca, clientCertificate }: BoundedFetchOptions) {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(clientCertificate === undefined
      ? {}
      : { cert: clientCertificate.certificate, key: clientCertificate.key }),
  }
}

function tooMany(): GatewayError {
  return new GatewayError('overloaded', 'too many calls of strangers wait for the provider')
}

/** As `AbortSignal.timeout` says it. */
function timedOut(timeoutMs: number): DOMException {
  return new DOMException(`no whole answer within ${timeoutMs} ms`, 'TimeoutError')
}

/** False when the deadline came first. */
function waited(signal: AbortSignal): Promise<boolean> {
  return delay(RETRY_DELAY_MS, true, { signal }).catch(() => false)
}

async function fetchWhole(url: string, init: UndiciRequestInit): Promise<Response> {
  const answer = await fetch(url, init)
  const body = await readWhole(answer.body)
  const { status } = answer
  if (status < 200 || status > 599) throw nonsense(`status ${status}`)
  const bodiless = status === 204 || status === 205 || status === 304
  return new Response(bodiless ? null : body, { status, headers: [...answer.headers] })
}

async function readWhole(
  stream: AsyncIterable<Uint8Array> | null,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream ?? []) {
    size += chunk.byteLength
    if (size > MAX_BODY_BYTES) throw nonsense(`a body of more than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

function nonsense(what: string): GatewayError {
  return new GatewayError('provider_error', `the provider answered with ${what}`)
}

function plainHeaders(headers: BoundedRequest['headers'] = {}): Record<string, string> {
  return headers instanceof Headers ? Object.fromEntries(headers) : { ...headers }
}

const BEFORE_CONNECTION = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
])

function connectionNeverMade(error: unknown): boolean {
  const cause = error instanceof TypeError ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && BEFORE_CONNECTION.has(String(cause.code))
}
