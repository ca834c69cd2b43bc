import type { IncomingMessage } from 'node:http'
import type { RequestHeaderFacts } from '../domain/own-request-headers.ts'
import type { Entrance } from '../http/entrance.ts'
import type { Passage, TransferLine } from './transfer-line.ts'

/** What the header policy has to know of one request besides its headers. */
export function requestHeaderFacts(
  { proto }: Pick<TransferLine, 'proto'>,
  request: IncomingMessage,
  entrance: Entrance,
  { token, session, bearer, identity }: Passage,
): RequestHeaderFacts {
  return {
    token,
    claims: session?.record.claims ?? bearer?.claims,
    session: session?.record,
    identity,
    peerAddress: request.socket.remoteAddress ?? '',
    peerTrusted: entrance.peerTrusted,
    method: entrance.method,
    httpVersion: request.httpVersion,
    proto,
    host: entrance.authority ?? '',
    path: entrance.target?.path ?? '',
    clientAddress: entrance.clientAddress,
    requestId: entrance.requestId,
  }
}
