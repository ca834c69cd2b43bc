import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { KeptForm } from '../domain/kept-form.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import type { Reason } from '../domain/reason.ts'
import { returnToForm } from '../domain/return-to.ts'
import type { LiveSession, SessionEngine } from '../domain/session-engine.ts'
import { bringFormPage, FORM_PATH, sealedFormOf, sendFormPage } from '../http/form-page.ts'
import type { FormSeal } from '../http/form-seal.ts'
import type { ProviderEntries, ProviderEntry } from '../http/provider-entry.ts'
import { refuse } from '../http/refusal.ts'
import { subjectMark } from '../http/subject-mark.ts'
import { sendPage } from './own-page.ts'
import { isCrossSite, ownSession, type OwnSessionOptions } from './own-session.ts'
import { takeTextBodies } from './text-bodies.ts'

export interface FormEndpointOptions extends OwnSessionOptions {
  readonly entries: ProviderEntries
  readonly sessions: Pick<SessionEngine, 'consumeTransaction'>
  readonly formSeal: FormSeal
}

const MAX_BODY_BYTES = 131_072 // the largest kept form, sealed, base64- and percent-coded, has some 95,000

/**
 * `GET /oauth2/form`: where a login leads that was begun for a form's sake; its page brings the form that waits in the
 * tab. `POST /oauth2/form`: answers with the form itself, for its own user, once, to be sent by the browser.
 */
export const formEndpoint: FastifyPluginAsync<FormEndpointOptions> = async (scope, options) => {
  takeTextBodies(scope, MAX_BODY_BYTES)
  scope.addHook('onRequest', async ({ headers }) => {
    if (headers['content-type'] !== undefined) headers['content-type'] = 'application/octet-stream'
  })
  scope.get(FORM_PATH, async (request, reply) => sendPage(request, reply, bringFormPage()))
  scope.post(FORM_PATH, async (request, reply) => {
    if (isCrossSite(request, reply, options)) return reply
    return handOver(request, reply, options)
  })
}

async function handOver(
  request: FastifyRequest,
  reply: FastifyReply,
  options: FormEndpointOptions,
): Promise<FastifyReply> {
  const form = options.formSeal.open(sealedFormOf(request.body))
  if (form === undefined) return refuse(request, reply, 'form_expired')
  const obstacle = await obstacleOf(form, request, options)
  if (obstacle === undefined) return sendPage(request, reply, sendFormPage(form))
  return refuse(request, reply, obstacle.reason, {
    ...obstacle,
    retryUrl: returnToForm(form.id),
    loginAt: form.providers,
  })
}

interface Obstacle {
  readonly reason: Reason
  readonly cause?: unknown
}

/** Why the form cannot be handed over to who asks; `undefined` for exactly one who may have it. */
async function obstacleOf(
  form: KeptForm,
  request: FastifyRequest,
  options: FormEndpointOptions,
): Promise<Obstacle | undefined> {
  try {
    const entries = entriesOf(form, options.entries)
    const session = await ownSession(request, entries)
    if (typeof session === 'string') return { reason: session }
    if (!isOwner(form, session, request, entries)) return { reason: 'form_not_yours' }
    const isFirst = await options.sessions.consumeTransaction(`form ${form.id}`)
    return isFirst ? undefined : { reason: 'form_already_sent' }
  } catch (cause) {
    if (cause instanceof GatewayError) return { reason: cause.reason, cause }
    throw cause
  }
}

/**
 * Who filled it in, where that is known by the session that was over. Where it is not, the form belongs to the browser:
 * to the very login that was begun on its page.
 */
function isOwner(
  { id, owner }: KeptForm,
  { record }: LiveSession,
  request: FastifyRequest,
  entries: readonly ProviderEntry[],
): boolean {
  if (owner !== undefined) return owner === subjectMark(record)
  const entry = entries.find(({ issuer }) => issuer === record.issuer)
  return entry?.sessionCookie.read(request.headers.cookie)?.form === id
}

/** Those whose sessions count where the form goes. */
function entriesOf(
  { providers = '' }: KeptForm,
  entries: ProviderEntries,
): readonly ProviderEntry[] {
  const names = providers.split(',')
  return entries.filter(({ name }) => names.includes(name))
}
