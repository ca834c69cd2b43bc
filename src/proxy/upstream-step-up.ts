import { maySendToLogin } from '../domain/access-decision.ts'
import { requestFacts } from '../domain/request-facts.ts'
import { returnToTarget } from '../domain/return-to.ts'
import type { StepUp } from '../domain/step-up.ts'
import type { ExchangeClient } from './exchange-client.ts'
import type { Question } from './question.ts'
import type { TransferLine } from './transfer-line.ts'

/** RS-7: whoever navigates can meet an upstream's demand on the login; others get its answer as it is. */
export function canStepUp(
  { route }: TransferLine,
  { session, request, entrance }: ExchangeClient,
  question: Question,
): boolean {
  if (session === undefined || question.body !== null) return false
  return maySendToLogin(route, requestFacts(entrance.method, request.headers))
}

/** Answers with the way to the provider in place of the upstream's answer. */
export function startUpstreamStepUp(
  { startStepUp }: TransferLine,
  { request, reply, entrance, session }: ExchangeClient,
  stepUp: StepUp,
): void {
  const returnTo = entrance.target === undefined ? '/' : returnToTarget(entrance.target)
  const issuer = session === undefined ? {} : { issuer: session.record.issuer }
  startStepUp(request, reply, { stepUp, returnTo, ...issuer }).catch((error: unknown) =>
    reply.send(error),
  )
}
