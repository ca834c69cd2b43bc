import type { GatewayConfig, ProviderConfig } from '../../config/gateway-config.ts'
import type { Route } from '../../domain/route.ts'
import type { ProviderMetadata } from '../../oidc/provider-metadata.ts'
import { failure, ok, skipped, warning, type Finding } from './finding.ts'

/** What of the configuration needs something of a provider. */
export interface ProviderNeeds {
  readonly provider: ProviderConfig
  readonly logout: GatewayConfig['logout']
  readonly routes: readonly Route[]
}

/** Whether any route takes sessions that come from the provider. */
export function signsIn({ provider: { name }, routes }: ProviderNeeds): boolean {
  return routes.some(
    ({ credentials, providers }) => credentials.session && providers.includes(name),
  )
}

/** Compares what the metadata announce (RFC 8414 §2) with what the configuration needs. */
export function offerFindings(metadata: ProviderMetadata, needs: ProviderNeeds): Finding[] {
  const { document } = metadata
  const isAnnounced = 'token_endpoint' in document
  return [
    ...(isAnnounced ? grants(document, needs) : [NOT_ANNOUNCED]),
    ...(signsIn(needs) ? loginFindings(metadata, needs, isAnnounced) : []),
  ]
}

const NOT_ANNOUNCED = skipped(
  'metadata',
  'endpoints are configured, no metadata are read: what is offered is not known',
)

function loginFindings(
  metadata: ProviderMetadata,
  { provider, logout }: ProviderNeeds,
  isAnnounced: boolean,
): Finding[] {
  const { document, endpoints } = metadata
  return [
    ...(isAnnounced ? [pkce(document), algorithms(document, provider)] : []),
    ...signedRequests(metadata, provider),
    ...issuerInAnswers(metadata, provider),
    ...logoutFindings(endpoints, logout),
    ...(isAnnounced ? [backchannel(document)] : []),
  ]
}

function pkce(document: ProviderMetadata['document']): Finding {
  const methods = listOf(document, 'code_challenge_methods_supported')
  if (methods?.includes('S256') === true) return ok('pkce', 'PKCE with S256 is announced')
  if (methods === undefined)
    return warning(
      'pkce',
      'PKCE is not announced (code_challenge_methods_supported)',
      'see in its documentation whether it knows PKCE with S256; the gateway sends it always, and an old provider ignores it',
    )
  return failure(
    'pkce',
    `PKCE with S256 is not among the announced methods: ${methods.join(', ')}`,
    'allow S256 for this client at the provider: the gateway uses no other method',
  )
}

function algorithms(
  document: ProviderMetadata['document'],
  { idTokenSigningAlgorithms: accepted }: ProviderConfig,
): Finding {
  const announced = listOf(document, 'id_token_signing_alg_values_supported')
  if (announced === undefined)
    return skipped('algorithms', 'the algorithms of ID tokens are not announced')
  const common = announced.filter((one) => accepted.includes(one))
  if (common.length > 0)
    return ok('algorithms', `ID tokens can be signed with ${common.join(', ')}`)
  return failure(
    'algorithms',
    `ID tokens are signed with ${announced.join(', ')}, provider.idToken.algorithms accepts ${accepted.join(', ')}`,
    'choose an accepted algorithm for this client at the provider, or accept one of its in provider.idToken.algorithms',
  )
}

const GRANT_OF = {
  refresh: 'refresh_token',
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
  client_credentials: 'client_credentials',
} as const

/** The grants that logins and routes take. Absent, the list means the two of RFC 8414 §2; few providers mean that. */
function grants(document: ProviderMetadata['document'], needs: ProviderNeeds): Finding[] {
  const announced = listOf(document, 'grant_types_supported')
  if (announced === undefined) return []
  const wanted = new Map<string, string>()
  if (signsIn(needs)) wanted.set('authorization_code', 'signing in')
  if (signsIn(needs) && needs.provider.scope.split(' ').includes('offline_access'))
    wanted.set('refresh_token', 'provider.scope (offline_access)')
  for (const { token, id, providers } of needs.routes) {
    if (token.via in GRANT_OF && providers.includes(needs.provider.name))
      wanted.set(GRANT_OF[token.via as keyof typeof GRANT_OF], `token.via of ${id}`)
  }
  const missing = [...wanted].filter(([grant]) => !announced.includes(grant))
  if (wanted.size === 0) return []
  if (missing.length === 0)
    return [ok('grants', `grants are announced: ${[...wanted.keys()].join(', ')}`)]
  return missing.map(([grant, wish]) =>
    warning(
      'grants',
      `the grant ${grant} is not announced, and ${wish} needs it`,
      'allow it for this client at the provider, or change the configuration',
    ),
  )
}

function signedRequests(
  { requiresSignedRequests }: ProviderMetadata,
  { clientKey }: ProviderConfig,
): Finding[] {
  if (!requiresSignedRequests || clientKey !== undefined) return []
  return [
    failure(
      'signed_requests',
      'the provider takes signed authorization requests only (RFC 9101), and there is no key to sign with',
      'give one in provider.clientKey, and register its public half at the provider',
    ),
  ]
}

function issuerInAnswers(
  { announcesIss }: ProviderMetadata,
  { sharesCallback, name }: ProviderConfig,
): Finding[] {
  if (!sharesCallback || announcesIss) return []
  return [
    failure(
      'iss',
      'the provider does not say who it is in its answers (RFC 9207), and others share its callback: logins are refused',
      `set providers.${name}.ownCallback: true, and register the redirect URI that results`,
    ),
  ]
}

function logoutFindings(
  {
    end_session_endpoint: endSession,
    revocation_endpoint: revocation,
  }: ProviderMetadata['endpoints'],
  { providerLogoutUrl, revoke }: GatewayConfig['logout'],
): Finding[] {
  const found: Finding[] = []
  if (endSession === undefined && providerLogoutUrl === undefined)
    found.push(
      warning(
        'end_session',
        'there is no end_session_endpoint: who signs out here stays signed in at the provider',
        'give its sign-out page in logout.providerLogoutUrl, if it has one',
      ),
    )
  if (revoke && revocation === undefined)
    found.push(
      warning(
        'revocation',
        'there is no revocation_endpoint: refresh tokens live on after a sign-out',
        'give it in provider.endpoints.revocation_endpoint, or set logout.revoke: false where there is none',
      ),
    )
  if (revoke && revocation !== undefined) found.push(ok('revocation', 'tokens can be revoked'))
  return found
}

function backchannel(document: ProviderMetadata['document']): Finding {
  return document['backchannel_logout_supported'] === true
    ? ok('backchannel_logout', 'back-channel logout is announced')
    : skipped(
        'backchannel_logout',
        'back-channel logout is not announced: sign-outs elsewhere are heard of late',
      )
}

function listOf(document: ProviderMetadata['document'], name: string): string[] | undefined {
  const list = document[name]
  if (!Array.isArray(list)) return undefined
  return list.filter((one): one is string => typeof one === 'string')
}
