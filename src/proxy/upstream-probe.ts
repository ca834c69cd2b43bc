import { onDeadline } from '../domain/deadline.ts'
import type { Route } from '../domain/route.ts'
import type { CallHandler } from './http2-call.ts'
import type { Question } from './question.ts'
import type { UpstreamPool } from './upstream-pool.ts'

/** The status of an answer, whichever it is; `silent`: connected, and nothing more. */
export type ProbeAnswer = { readonly status: number } | 'silent'

/**
 * Asks `HEAD` of the place that a route forwards to, over the connections that its requests take. Nobody's token
 * or cookie goes with it.
 *
 * @param answerWithinMs how long a connected upstream may be silent
 * @throws the error of the connection, or of an answer that is none
 */
export function probeUpstream(
  route: Route,
  { dispatcher }: UpstreamPool,
  answerWithinMs: number,
): Promise<ProbeAnswer> {
  return new Promise((resolve, reject) => {
    let cancel = (): void => {}
    const handler: CallHandler = {
      onConnect(abort) {
        cancel = onDeadline(answerWithinMs, () => {
          resolve('silent')
          abort()
        })
      },
      onHeaders(status) {
        if (status < 200) return true
        cancel()
        resolve({ status })
        return true
      },
      onError(error) {
        cancel()
        reject(error)
      },
      onBodySent() {},
      onResponseStarted() {},
      onData: () => true,
      onComplete() {},
    }
    dispatcher.dispatch(question(route), handler as never)
  })
}

function question({ upstream }: Route): Question {
  const { host } = new URL(upstream.origin)
  return {
    method: 'HEAD',
    path: `${upstream.basePath}/`,
    servername: '', // the pool knows
    headers: ['host', host, 'user-agent', 'bearergate-doctor', 'accept', '*/*'],
    body: null,
  }
}
