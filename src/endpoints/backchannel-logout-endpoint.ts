import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import type { Emit } from '../domain/events.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import type { LogoutNotice } from '../domain/provider-logout.ts'
import type { SessionEngine } from '../domain/session-engine.ts'
import { actorOf, entranceOf } from '../http/entrance.ts'
import type { ProviderEntries } from '../http/provider-entry.ts'
import { reasonOf } from '../http/refusal-plugin.ts'
import { plainHeaders } from '../http/refusal.ts'
import type { Provider } from '../oidc/provider.ts'
import { logoutTokenIssuer, verifyLogoutToken } from '../oidc/logout-token.ts'
import { takeTextBodies } from './text-bodies.ts'

export interface BackchannelLogoutOptions {
  readonly entries: ProviderEntries
  readonly sessions: Pick<SessionEngine, 'endByProvider'>
  /** Take only logout tokens whose header says that they are. */
  readonly requireTokenType: boolean
  readonly emit: Emit
}

const MAX_BODY_BYTES = 65_536 // a logout token has some 800
const FORM = /^application\/x-www-form-urlencoded\s*(;|$)/i

/**
 * `POST /oauth2/backchannel-logout`: the provider says that somebody signed out (OpenID Connect
 * Back-Channel Logout §2.5). The token alone counts, no cookie and no origin (STANDARDS LO-8). Our
 * sessions end, nothing is revoked at the provider (LO-14). A scope of its own: it reads a body.
 *
 * 200 also when nobody was signed in, 400 for a token that is not right or comes again; 503 when
 * the store or the provider's keys are out of reach, so that a provider that tries again succeeds.
 */
export const backchannelLogoutEndpoint: FastifyPluginAsync<BackchannelLogoutOptions> = async (
  scope,
  options,
) => {
  readForms(scope)
  scope.post('/oauth2/backchannel-logout', async (request, reply) => {
    const token = logoutToken(request)
    const notice = await verifyLogoutToken(providerOf(token, options.entries), token, {
      requireType: options.requireTokenType,
      nowMs: Date.now(), // what the provider's times are compared with
    })
    return carryOut(notice, request, reply, options)
  })
  scope.addHook('onError', async (request, _reply, cause) => {
    const actor = actorOf(entranceOf(request.raw))
    options.emit({ type: 'logout_refused', reason: reasonOf(cause), cause, ...actor })
  })
}

/** Whose keys and client id the token is held against; what it says of its issuer is believed only when they fit. */
function providerOf(token: string, entries: ProviderEntries): Provider {
  const [sole, second] = entries
  if (second === undefined) return sole.provider
  const issuer = logoutTokenIssuer(token)
  const entry = entries.find((one) => one.issuer === issuer)
  if (entry === undefined) throw invalid('iss is none of the providers')
  return entry.provider
}

async function carryOut(
  notice: LogoutNotice,
  request: FastifyRequest,
  reply: FastifyReply,
  { sessions, emit }: BackchannelLogoutOptions,
): Promise<FastifyReply> {
  const entrance = entranceOf(request.raw)
  const sessionCount = await sessions.endByProvider(notice)
  if (sessionCount === undefined) throw invalid('it was carried out before')
  const { issuer, sid, subject } = notice
  emit({
    type: 'logout',
    kind: 'backchannel',
    sessionCount,
    issuer,
    ...(sid === undefined ? {} : { sid }),
    ...(subject === undefined ? {} : { subject }),
    ...actorOf(entrance),
  })
  return reply.code(200).headers(plainHeaders(entrance)).send()
}

/** Forms and nothing else, of a size a token can have. */
function readForms(scope: FastifyInstance): void {
  takeTextBodies(scope, MAX_BODY_BYTES)
  scope.addHook('onRequest', async ({ headers }) => {
    if (!FORM.test(headers['content-type'] ?? '')) throw invalid('the body is no form')
    headers['content-type'] = 'application/x-www-form-urlencoded' // fastify refuses what it cannot parse
  })
}

function logoutToken({ body }: FastifyRequest): string {
  const [token, second] = new URLSearchParams(typeof body === 'string' ? body : '').getAll(
    'logout_token',
  )
  if (token === undefined || second !== undefined) throw invalid('there is not exactly one')
  return token
}

function invalid(why: string): GatewayError {
  return new GatewayError('logout_token_invalid', `the logout token is refused: ${why}`)
}
