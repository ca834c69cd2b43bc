import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { knownEntrance } from '../http/entrance.ts'

type Waiting = IncomingMessage & { [kWaits]?: boolean }

const kWaits = Symbol('client waits for 100')

/**
 * The listener for a server's `checkContinue`: a client that asks before it sends its body is told to go on only
 * once its request was admitted and the upstream is connected; a refusal is its final answer (HX-11, RFC 9110 §10.1.1).
 */
export function continueWhenAdmitted(handle: RequestListener): RequestListener {
  return (request: Waiting, response) => {
    request[kWaits] = true
    handle(request, response)
    const isOurs = knownEntrance(request)?.route === undefined
    if (isOurs && !response.headersSent && !response.writableEnded) sendContinue(request, response)
  }
}

/** Sends 100 if the client waits for it. */
export function sendContinue(request: Waiting, response: ServerResponse): void {
  if (request[kWaits] !== true || response.headersSent) return
  request[kWaits] = false
  response.writeContinue()
}
