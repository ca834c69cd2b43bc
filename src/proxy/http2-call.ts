import type { IncomingMessage } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { ClientHttp2Stream, OutgoingHttpHeaders } from 'node:http2'
import { constants } from 'node:http2'
import type { Http2Connection } from './http2-connection.ts'
import { Http2Failure } from './http2-failure.ts'
import type { Question } from './question.ts'

const MAX_HEADER_BYTES = 32_768 // as over HTTP/1.1 (HX-14); node:http2 has no limit but a count

/** Who hears of a call: an exchange. The words are those of undici's handlers. */
export interface CallHandler {
  onConnect(abort: () => void): void
  onBodySent(chunk: Buffer): void
  onResponseStarted(): void
  onHeaders(status: number, raw: Buffer[], resume: () => void, statusText: string): boolean
  onData(chunk: Buffer): boolean
  onComplete(trailers: string[] | null): void
  onError(error: Error): void
}

/**
 * One question over an HTTP/2 connection that stands, told as undici tells of HTTP/1.1: interim answers, one head, octets, an
 * end with trailers or an error. `onStale` hears of errors first that say that nothing was processed.
 */
export function callOverHttp2(
  connection: Http2Connection,
  question: Question,
  handler: CallHandler,
  onStale: (error: Error) => void,
): void {
  const opened: { stream?: ClientHttp2Stream } = {}
  let settled = false
  let letGoOfBody = (): void => {}
  const settle = (tell: () => void): void => {
    if (settled) return
    settled = true
    letGoOfBody()
    tell()
  }
  const answersBefore = connection.answerCount
  let ownCount = 0
  const abort = (): void => {
    settle(() => {
      cancel(opened.stream)
      if (connection.answerCount === answersBefore + ownCount) connection.doubt()
    })
  }
  const fail = (error: Error): void => {
    settle(() => {
      cancel(opened.stream)
      if (nothingWasProcessed(connection, opened.stream)) onStale(error)
      handler.onError(error)
    })
  }
  /** What the handler cannot use, such as forbidden octets in a header, is the upstream's fault. */
  const hand = (act: () => void): void => {
    if (settled) return
    try {
      act()
    } catch (error) {
      fail(error as Error)
    }
  }

  handler.onConnect(abort)
  if (settled) return connection.leave()
  const sent = send(connection, question)
  if (sent instanceof Error) {
    connection.leave()
    return fail(sent)
  }
  opened.stream = sent
  const isWhole = watchForEnd(sent)
  let trailers: string[] = []
  const resume = (): void => void sent.resume()
  listen(sent, {
    interim: (status, raw) => hand(() => handler.onHeaders(status, raw, resume, '')),
    head: (status, raw) => {
      if (sizeOf(raw) > MAX_HEADER_BYTES)
        return fail(new Http2Failure('ERR_HTTP2_HEADERS_TOO_LARGE', 'the head is over 32 KiB'))
      connection.answerCount += 1
      ownCount = 1
      handler.onResponseStarted()
      hand(() => {
        if (!handler.onHeaders(status, raw, resume, STATUS_CODES[status] ?? '')) sent.pause()
      })
      sent.on('data', (chunk: Buffer) => hand(() => handler.onData(chunk) || sent.pause()))
    },
    trailers: (raw) => (trailers = raw),
    end: () => {
      if (isWhole()) settle(() => handler.onComplete(trailers))
    },
    error: fail,
    close: () => {
      connection.leave()
      fail(new Http2Failure('UND_ERR_SOCKET', `the call was ended with code ${sent.rstCode}`))
    },
  })
  if (question.body !== null) letGoOfBody = sendBody(question.body, sent, handler)
}

function send({ session }: Http2Connection, question: Question): ClientHttp2Stream | Error {
  try {
    return session.request(headersOf(question), { endStream: question.body === null })
  } catch (cause) {
    return new Http2Failure('UND_ERR_SOCKET', 'the question could not be sent', { cause })
  }
}

/**
 * Whether END_STREAM has come. node:http2 says "end" of a body that was reset or lost its connection, too (HX-15); but it
 * closes the stream before it pushes such an end.
 */
function watchForEnd(stream: ClientHttp2Stream): () => boolean {
  let isWhole = false
  const push = stream.push.bind(stream)
  stream.push = (chunk, encoding) => {
    if (chunk === null && !stream.closed) isWhole = true
    return push(chunk, encoding)
  }
  return () => isWhole
}

interface StreamEvents {
  interim(status: number, raw: Buffer[]): void
  head(status: number, raw: Buffer[]): void
  trailers(raw: string[]): void
  end(): void
  error(error: Error): void
  close(): void
}

/** node:http2 hands the fields as they came behind the ones it merged: its types do not say so. */
type RawListener = (headers: Record<string, unknown>, flags: number, raw: string[]) => void

function listen(stream: ClientHttp2Stream, events: StreamEvents): void {
  const interim: RawListener = (headers, _flags, raw) =>
    events.interim(Number(headers[':status']), octetsOf(raw))
  const head: RawListener = (headers, _flags, raw) =>
    events.head(Number(headers[':status']), octetsOf(raw))
  const trailers: RawListener = (_headers, _flags, raw) => events.trailers(raw)
  stream
    .on('headers', interim as never)
    .on('response', head as never)
    .on('trailers', trailers as never)
    .on('end', () => events.end())
    .on('error', (error: Error) => events.error(error))
    .on('close', () => events.close())
}

/** Answers how to let go of the body. */
function sendBody(
  body: IncomingMessage,
  stream: ClientHttp2Stream,
  handler: CallHandler,
): () => void {
  const onData = (chunk: Buffer): void => {
    if (!stream.write(chunk)) body.pause()
    handler.onBodySent(chunk)
  }
  const onEnd = (): void => void stream.end()
  const onError = (): void => {} // the exchange watches the client itself
  const onDrain = (): void => void body.resume()
  body.on('data', onData).on('end', onEnd).on('error', onError)
  stream.on('drain', onDrain)
  return () => {
    body.off('data', onData).off('end', onEnd)
    stream.off('drain', onDrain)
  }
}

/** Field names in lower case, equal ones as one (RFC 9110 §5.3); node:http2 throws at a second of many. */
function headersOf({ method, path, headers }: Question): OutgoingHttpHeaders {
  const fields = Object.create(null) as Record<string, string>
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at]!.toLowerCase()
    const value = headers[at + 1]!
    const field = name === 'host' ? ':authority' : name
    const there = fields[field]
    fields[field] =
      there === undefined ? value : `${there}${name === 'cookie' ? '; ' : ', '}${value}`
  }
  return { ...fields, ':method': method, ':path': path }
}

/** Without what HTTP/1.1 says in the status line. */
function octetsOf(raw: readonly string[]): Buffer[] {
  const octets: Buffer[] = []
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]!.startsWith(':')) continue
    octets.push(Buffer.from(raw[at]!, 'latin1'), Buffer.from(raw[at + 1]!, 'latin1'))
  }
  return octets
}

function sizeOf(raw: readonly Buffer[]): number {
  return raw.reduce((bytes, { length }) => bytes + length, 0)
}

function cancel(stream: ClientHttp2Stream | undefined): void {
  if (stream?.destroyed === false) stream.close(constants.NGHTTP2_CANCEL)
}

/** Refused outright (RFC 9113 §8.7), or lost with a connection that had served before (HX-17). */
function nothingWasProcessed(
  { session, answerCount }: Http2Connection,
  stream: ClientHttp2Stream | undefined,
): boolean {
  if (stream?.rstCode === constants.NGHTTP2_REFUSED_STREAM) return true
  return answerCount > 0 && (session.closed || session.destroyed)
}
