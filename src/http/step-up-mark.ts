import { createHash } from 'node:crypto'
import { stepUpParameters, type StepUp } from '../domain/step-up.ts'

export interface StepUpWish {
  readonly stepUp: StepUp
  /** A local path. */
  readonly returnTo: string
  /** Whose session it is that is not good enough; absent: nobody is signed in. */
  readonly issuer?: string
}

/** Names a demand on a page: kept in the login transaction, then in the ticket of the login that fulfilled it. */
export function stepUpMark({ stepUp, returnTo }: Pick<StepUpWish, 'stepUp' | 'returnTo'>): string {
  const text = JSON.stringify([stepUpParameters(stepUp), returnTo])
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}
