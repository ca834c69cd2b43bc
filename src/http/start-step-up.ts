import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Emit } from '../domain/events.ts'
import { stepUpMemoryMs } from '../domain/step-up.ts'
import { actorOf, entranceOf } from './entrance.ts'
import { refuse } from './refusal.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { StartLogin } from './start-login.ts'
import { stepUpMark, type StepUpWish } from './step-up-mark.ts'

export interface StartStepUpOptions {
  /** The name of the provider; '' is the only one there is. */
  readonly name: string
  readonly startLogin: StartLogin
  readonly sessionCookie: SessionCookie
  readonly emit: Emit
  readonly nowMs: () => number
}

export type StartStepUp = (
  request: FastifyRequest,
  reply: FastifyReply,
  wish: StepUpWish,
) => Promise<FastifyReply>

/**
 * Sends a signed-in browser to the provider for a stronger or more recent login. If it has just been there for the same
 * page and the same demand, a page says that it did not help: one attempt, never a loop (STANDARDS RS-7).
 */
export function createStartStepUp(options: StartStepUpOptions): StartStepUp {
  const { name, startLogin, sessionCookie, emit, nowMs } = options
  return async (request, reply, wish) => {
    const { stepUp, returnTo } = wish
    const before = sessionCookie.read(request.headers.cookie)
    const isRepeated =
      before?.stepUp === stepUpMark(wish) && nowMs() - before.writtenAtMs < stepUpMemoryMs(stepUp)
    if (!isRepeated) {
      return startLogin(request, reply, { returnTo, attempt: 0, parameters: {}, stepUp })
    }
    emit({ type: 'login_failed', reason: 'step_up_failed', ...actorOf(entranceOf(request.raw)) })
    return refuse(request, reply, 'step_up_failed', { retryUrl: returnTo, stepUp, loginAt: name })
  }
}
