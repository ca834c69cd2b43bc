import type { FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '../domain/gateway-error.ts'
import type { LoginWish } from '../domain/login-transaction.ts'
import { requestFacts } from '../domain/request-facts.ts'
import { parseReturnTo } from '../domain/return-to.ts'
import { parseStepUp, type StepUp } from '../domain/step-up.ts'
import { entranceOf } from '../http/entrance.ts'
import { refuse } from '../http/refusal.ts'
import type { StartLogin } from '../http/start-login.ts'
import { queryParameters } from './query-parameters.ts'

export interface LoginEndpointOptions {
  readonly startLogin: StartLogin
  /** Exactly as configured. */
  readonly issuer: string
  /** What a login link may pass on (STANDARDS AZ-9). */
  readonly loginParameters: readonly string[]
  readonly publicUrl: URL
  /** Those that a login link may ask for: what routes require (RFC 9470 §4). */
  readonly stepUpAcrValues: ReadonlySet<string>
}

/** `GET /oauth2/login`: for navigations only; a script, a frame or a prefetch starts no login (STANDARDS AZ-12, AZ-13). */
export function loginEndpoint(options: LoginEndpointOptions) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const entrance = entranceOf(request.raw)
    const facts = requestFacts(entrance.method, request.headers)
    if (!facts.navigation || facts.prefetch) return refuse(request, reply, 'no_session')
    return options.startLogin(request, reply, loginWish(queryParameters(entrance), options))
  }
}

/**
 * What a login link asks for. Also links of third parties (OpenID Connect Core §4, STANDARDS LO-16).
 *
 * @throws GatewayError parameter_refused: the link names another issuer
 */
export function loginWish(
  parameters: URLSearchParams,
  options: Omit<LoginEndpointOptions, 'startLogin'>,
): LoginWish {
  const { issuer, loginParameters, publicUrl } = options
  const stepUp = stepUpOf(parameters, options)
  const named = parameters.get('iss')
  if (named !== null && named !== issuer) {
    throw new GatewayError('parameter_refused', 'a login link names another issuer')
  }
  const passed = loginParameters.filter((name) => parameters.has(name))
  return {
    returnTo: parseReturnTo(
      parameters.get('return_to') ?? localPart(parameters.get('target_link_uri'), publicUrl),
    ),
    attempt: 0,
    parameters: Object.fromEntries(passed.map((name) => [name, parameters.get(name) ?? ''])),
    ...(stepUp === undefined ? {} : { stepUp }),
  }
}

/** What the `login_url` of a step-up asks for; words that no route knows are not for a link to choose. */
function stepUpOf(
  parameters: URLSearchParams,
  { stepUpAcrValues }: Pick<LoginEndpointOptions, 'stepUpAcrValues'>,
): StepUp | undefined {
  const words = parameters.get('acr_values') ?? ''
  const isKnown = words.split(' ').every((word) => stepUpAcrValues.has(word))
  return parseStepUp(isKnown ? words : undefined, parameters.get('max_age') ?? undefined)
}

/** A target link is an absolute URL; only our own origin counts. */
function localPart(targetLinkUri: string | null, publicUrl: URL): string | undefined {
  if (targetLinkUri === null) return undefined
  const ours = `${publicUrl.origin}/`
  return targetLinkUri.startsWith(ours) ? targetLinkUri.slice(ours.length - 1) : targetLinkUri
}
