import type { IncomingHttpHeaders } from 'node:http'

/** What is looked at to know who asks. */
export interface PeerFacts {
  readonly headers: IncomingHttpHeaders
  readonly socket: { readonly remoteAddress?: string | undefined }
}

/** The address of whoever asks; '' when it is not known (any more). */
export type PeerOf = (request: PeerFacts) => string

/** Says for whom the main process passes a request on to a worker. */
export const OPERATOR_PEER_HEADER = 'bearergate-operator-peer'

/** Of a listener on a port. */
export const directPeer: PeerOf = ({ socket }) => socket.remoteAddress ?? ''

/** Of a listener on a local socket that only the main process can reach: it replaces what clients say. */
export const passedOnPeer: PeerOf = ({ headers }) => String(headers[OPERATOR_PEER_HEADER] ?? '')
