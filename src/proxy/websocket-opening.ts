import { STATUS_CODES, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { BearerToken } from '../domain/bearer-credential.ts'
import { STATUS_OF_REASON, type Reason } from '../domain/reason.ts'
import { clientResponseHeaders } from '../domain/response-headers.ts'
import { entranceOf } from '../http/entrance.ts'
import { refuseSocket } from '../http/raw-refusal.ts'
import type { RefusalExtra } from '../http/refusal.ts'
import { onCallerEnd } from './caller-end.ts'
import { keepEarlyBytes } from './early-bytes.ts'
import { finishedEvent, type Mishap } from './finished-event.ts'
import { closeAfterAnswer } from './lingering-close.ts'
import type { SharedContext } from './proxy-context.ts'
import { dropLength } from './response-framing.ts'
import { breakOff } from './response-writes.ts'
import type { Passage, TransferLine } from './transfer-line.ts'
import { upstreamFailure } from './upstream-failure.ts'
import { dialWebSocket, type DialCall } from './websocket-dial.ts'
import { acceptsHandshake } from './websocket-handshake.ts'
import { CLOSE_SESSION_ENDED, joinSockets } from './websocket-tunnel.ts'

/** One WebSocket handshake on its way to an answer. */
export interface Opening {
  refuse(reason: Reason, extra?: RefusalExtra): void
  dial(line: TransferLine, passage: Passage, call: DialCall): void
}

export interface OpeningOptions {
  readonly shared: SharedContext
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
}

interface Outcome extends Mishap {
  readonly status: number
  readonly upstreamMs?: number
}

/** Whatever becomes of a handshake is told once: a refusal at once, an open socket when it closes. */
export function createOpening({ shared, request, socket, head }: OpeningOptions): Opening {
  const entrance = entranceOf(request)
  let told = false
  let bearer: BearerToken | undefined
  const tell = ({ status, ...more }: Outcome): void => {
    if (told) return
    told = true
    const event = finishedEvent(entrance, entrance.session, status)
    if (bearer?.subject !== undefined) {
      event.subject = bearer.subject
      event.issuer = bearer.issuer
    }
    shared.emit({ ...event, ...more })
  }
  const refuse = (reason: Reason, extra: RefusalExtra = {}): void => {
    const { cause } = extra
    refuseSocket(socket, reason, request, extra)
    closeAfterAnswer(socket)
    tell({ status: STATUS_OF_REASON[reason], reason, ...(cause === undefined ? {} : { cause }) })
  }

  return {
    refuse,
    dial: (line, passage, call) => {
      entrance.session = passage.session
      bearer = passage.bearer
      const askedAtMs = performance.now()
      const upstreamMs = (): number => performance.now() - askedAtMs
      const left = (): void => {
        dialled.destroy()
        socket.destroy()
        tell({ status: 0, clientLeft: true })
      }
      const early = keepEarlyBytes(socket, head, left)
      const dialled = dialWebSocket(call, {
        onError: (error) => {
          early.take()
          refuse(upstreamFailure(error, false), { cause: error })
        },
        onAnswer: (answer) => {
          early.take()
          if ((answer.statusCode ?? 0) > 599 || isForeignCoding(answer)) {
            answer.destroy()
            return refuse('upstream_protocol_error')
          }
          dialled.on('error', () => cutOff(socket)) // of a reset the answer says nothing but its end
          relayAnswer(line, socket, answer, passage)
          tell({ status: answer.statusCode ?? 0, upstreamMs: upstreamMs() })
        },
        onSwitched: (answer, upstream, upstreamHead) => {
          upstream.on('error', () => upstream.destroy())
          if (!acceptsHandshake(request.headers['sec-websocket-key'] ?? '', answer.headers)) {
            upstream.destroy()
            early.take()
            return refuse('upstream_protocol_error')
          }
          const took = upstreamMs()
          socket.write(switchingHead(line, answer, passage), 'latin1')
          socket.write(upstreamHead)
          for (const bytes of early.take()) upstream.write(bytes)
          const tunnel = joinSockets(socket, upstream, shared.transfers, () => {
            forgetSession?.()
            tell({ status: 101, upstreamMs: took })
          })
          const forgetSession = onCallerEnd(shared, passage, () =>
            tunnel.close(CLOSE_SESSION_ENDED),
          )
        },
      })
    },
  }
}

/** The upstream's own refusal reaches the client as a status (CS-7), its body up to the end of the connection. */
function relayAnswer(
  line: TransferLine,
  socket: Duplex,
  answer: IncomingMessage,
  passage: Passage,
): void {
  const status = answer.statusCode ?? 502
  const sent = fields(line, answer, passage)
  if (status === 204) dropLength(sent) // HX-23
  socket.write(headOf(status, [...sent, 'connection', 'close']), 'latin1')
  answer.on('error', () => cutOff(socket)).on('end', () => closeAfterAnswer(socket))
  answer.setTimeout(line.route.timeouts.idleMs, () => cutOff(socket))
  socket.on('end', () => socket.destroy()).on('close', () => answer.destroy())
  socket.resume() // else nobody would hear of its end (HX-18)
  answer.pipe(socket)
}

/** The body's length is where the connection ends, so a part must not end like the whole (HX-15). */
function cutOff(socket: Duplex): void {
  breakOff('1.0', socket as Socket)
}

function switchingHead(line: TransferLine, answer: IncomingMessage, passage: Passage): string {
  const sent = fields(line, answer, passage)
  dropLength(sent) // as for every interim answer (RFC 9110 §8.6)
  return headOf(101, ['connection', 'Upgrade', 'upgrade', 'websocket', ...sent])
}

function isForeignCoding({ headers }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  return coding !== undefined && coding.trim().toLowerCase() !== 'chunked'
}

function fields(
  { responsePlan }: TransferLine,
  answer: IncomingMessage,
  { session, bearer }: Passage,
): string[] {
  return clientResponseHeaders(answer.rawHeaders, responsePlan, (session ?? bearer) !== undefined)
}

function headOf(status: number, fields: readonly string[]): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
  for (let at = 0; at < fields.length; at += 2) text += `${fields[at]}: ${fields[at + 1]}\r\n`
  return `${text}\r\n`
}
