import type { FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '../domain/gateway-error.ts'
import type { LoginWish } from '../domain/login-transaction.ts'
import { requestFacts } from '../domain/request-facts.ts'
import { parseReturnTo } from '../domain/return-to.ts'
import { parseStepUp, type StepUp } from '../domain/step-up.ts'
import { entranceOf } from '../http/entrance.ts'
import type { ProviderEntries, ProviderEntry } from '../http/provider-entry.ts'
import { refuse } from '../http/refusal.ts'
import { chooseProvider } from './provider-choice.ts'
import { queryParameters } from './query-parameters.ts'
import { wishedProviders } from './wished-providers.ts'

export interface LoginEndpointOptions {
  readonly entries: ProviderEntries
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
    const parameters = queryParameters(entrance)
    const [entry, ...others] = askedProviders(parameters, options.entries)
    if (others.length > 0) return chooseProvider(request, reply, [entry, ...others])
    return entry.startLogin(request, reply, loginWish(parameters, entry, options))
  }
}

/**
 * The providers that a login link allows: by name, or by issuer as links of third parties do (OpenID Connect Core §4,
 * STANDARDS LO-16).
 *
 * @throws GatewayError parameter_refused: it names one that there is not
 */
export function askedProviders(
  parameters: URLSearchParams,
  entries: ProviderEntries,
): ProviderEntries {
  const wished = wishedProviders(parameters, entries)
  const named = parameters.get('iss')
  if (named === null) return wished
  const entry = wished.find(({ issuer }) => issuer === named)
  if (entry !== undefined) return [entry]
  throw new GatewayError('parameter_refused', 'a login link names another issuer')
}

/** What a login link asks of its provider. */
export function loginWish(
  parameters: URLSearchParams,
  { loginParameters }: Pick<ProviderEntry, 'loginParameters'>,
  options: Omit<LoginEndpointOptions, 'entries'>,
): LoginWish {
  const { publicUrl } = options
  const stepUp = stepUpOf(parameters, options)
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
