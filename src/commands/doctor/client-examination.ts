import { randomBytes } from 'node:crypto'
import type { ProviderConfig } from '../../config/gateway-config.ts'
import { authorizationCodeGrant } from '../../oidc/authorization-code-grant.ts'
import type { Provider } from '../../oidc/provider.ts'
import {
  tokenEndpointFailure,
  type TokenEndpointFailure,
} from '../../oidc/token-endpoint-failure.ts'
import { failure, ok, skipped, warning, type Finding } from './finding.ts'
import { providerConnectionFailure } from './provider-failure.ts'

/** Offers the token endpoint a code that nobody ever issued: what it minds first, code or client, tells whether it knows us. */
export async function examineClient(provider: Provider, config: ProviderConfig): Promise<Finding> {
  const state = secret()
  const { issuer } = config
  const answer = new URLSearchParams({ code: `bearergate-doctor-${secret()}`, state, iss: issuer })
  const transaction = {
    nonce: secret(),
    codeVerifier: secret(),
    returnTo: '/',
    attempt: 0,
    asked: {},
  }
  try {
    await authorizationCodeGrant(provider, answer, {
      ...transaction,
      state,
      startedAtMs: Date.now(),
    })
  } catch (cause) {
    const refusal = cause instanceof Error ? cause.cause : undefined
    return verdict(tokenEndpointFailure(refusal), refusal, config, announcedMethods(provider))
  }
  return failure(
    'client',
    'the token endpoint gives tokens for a code that doctor made up',
    'what answers there is no OpenID provider to be trusted: do not use it',
  )
}

function verdict(
  { kind, providerError }: TokenEndpointFailure,
  cause: unknown,
  config: ProviderConfig,
  methods: readonly string[],
): Finding {
  const client = `client ${JSON.stringify(config.clientId)}`
  if (kind === 'grant_refused') {
    return config.clientAuthentication === 'none'
      ? skipped(
          'client',
          `${client} is public: a provider that does not know it may answer the same (${providerError})`,
        )
      : ok(
          'client',
          `${client} is accepted with ${config.clientAuthentication}: only the made-up code was refused (${providerError}); a provider that looks at the code first would say the same`,
        )
  }
  if (kind === 'client_refused')
    return failure(
      'client',
      `${client} is refused at the token endpoint (${providerError})`,
      clientAdvice(config, methods),
    )
  if (providerError === 'network' || providerError === 'timeout') {
    const { found, advice } = providerConnectionFailure(cause, 'provider.endpoints.token_endpoint')
    return failure('client', `the token endpoint: ${found}`, advice)
  }
  if (/^http_4(?!00|29)/.test(providerError))
    return failure(
      'client',
      `what answers at the token endpoint is none (${providerError})`,
      'correct provider.endpoints.token_endpoint, or look at what stands in front of the provider',
    )
  return warning(
    'client',
    `whether the provider accepts ${client} cannot be told: it answers ${providerError} to a made-up code`,
    'sign in once; if that fails, the log line provider_refused_client or its cause says why',
  )
}

/** What else than a secret may be wrong. */
const PROOF: Partial<Record<ProviderConfig['clientAuthentication'], string>> = {
  none: 'and that it is a public client there: else give provider.clientSecret',
  private_key_jwt: 'and that the public half of provider.clientKey is registered there',
  tls_client_auth: 'and that the provider knows the certificate of provider.tls by its name',
  self_signed_tls_client_auth: 'and that the certificate of provider.tls is registered there',
}

function clientAdvice(config: ProviderConfig, methods: readonly string[]): string {
  const { clientAuthentication: method } = config
  const wire = method === 'client_secret_basic_raw' ? 'client_secret_basic' : method
  if (methods.length > 0 && !methods.includes(wire))
    return `the gateway uses ${method}, the provider announces ${methods.join(', ')}: set provider.clientAuthentication`
  const proof =
    PROOF[method] ?? `provider.clientSecret, and that ${method} is what the provider wants`
  return `check provider.clientId, ${proof} (provider.clientAuthentication)`
}

function announcedMethods(provider: Provider): readonly string[] {
  const list = provider.current()?.metadata.document['token_endpoint_auth_methods_supported']
  return Array.isArray(list) ? list.filter((one) => typeof one === 'string') : []
}

function secret(): string {
  return randomBytes(32).toString('base64url')
}
