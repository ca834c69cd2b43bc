import { nameOfPath, type Path } from '../decode-report.ts'
import type { ClientAuthenticationMethod } from '../../oidc/provider-options.ts'
import { isLoopback } from '../formats/web-address.ts'
import type { Draft, RuleReport } from './draft.ts'
import { checkBothOfPair, checkKeyPair } from './key-pair-rule.ts'
import { draftedProviders, type DraftedProvider } from './drafted-providers.ts'

/** What the keys of each provider must agree on. */
export function checkProvider(draft: Draft, report: RuleReport): void {
  for (const provider of draftedProviders(draft)) checkOne(draft, provider, report)
}

function checkOne(draft: Draft, provider: DraftedProvider, report: RuleReport): void {
  const { maxAge } = provider.keys
  checkTransport(draft, provider, report)
  checkClientAuthentication(provider, report)
  checkBothOfPair([...provider.place, 'tls'], report)
  checkKeyPair(provider.keys.tls, [...provider.place, 'tls'], report)
  checkScope(provider, report)
  checkParameters(provider, report)
  if (maxAge !== undefined && maxAge % 1_000 !== 0) {
    report.problem([...provider.place, 'maxAge'], 'must be whole seconds: max_age has no fractions')
  }
}

function checkTransport(draft: Draft, provider: DraftedProvider, report: RuleReport): void {
  const { allowInsecureHttp } = provider.keys
  const place = [...provider.place, 'allowInsecureHttp']
  const insecure = providerUrls(draft, provider).filter(({ url }) => url.protocol === 'http:')
  const beyond = insecure.filter(({ url }) => !isLoopback(url))
  if (allowInsecureHttp === true && (beyond.length > 0 || insecure.length === 0)) {
    report.warning(place, 'codes, tokens and the client secret may cross the network unencrypted')
  }
  for (const { path, url } of insecure) {
    if (isLoopback(url)) report.warning(path, 'http on loopback: for trying out only')
    else if (allowInsecureHttp === false) {
      report.problem(
        path,
        `must be https; http is allowed on loopback, and elsewhere only with ${nameOfPath(place)}: true`,
      )
    }
  }
}

function providerUrls(draft: Draft, { place, keys }: DraftedProvider): { path: Path; url: URL }[] {
  const endpoints = Object.entries(keys.endpoints ?? {})
  const origins = (keys.allowedOrigins ?? []).entries()
  const places: (readonly [Path, string | undefined])[] = [
    [[...place, 'issuer'], keys.issuer],
    [[...place, 'discoveryUrl'], keys.discoveryUrl],
    ...endpoints.map(([name, url]) => [[...place, 'endpoints', name], url] as const),
    ...Array.from(origins, ([at, url]) => [[...place, 'allowedOrigins', at], url] as const),
    [['logout', 'providerLogoutUrl'], draft?.logout?.providerLogoutUrl],
  ]
  return places.flatMap(([path, url]) => (url === undefined ? [] : [{ path, url: new URL(url) }]))
}

type Proof = 'clientSecret' | 'clientKey' | 'tls.certificate'

const NEEDED: Readonly<Record<ClientAuthenticationMethod, Proof | undefined>> = {
  client_secret_basic: 'clientSecret',
  client_secret_basic_raw: 'clientSecret',
  client_secret_post: 'clientSecret',
  private_key_jwt: 'clientKey',
  tls_client_auth: 'tls.certificate',
  self_signed_tls_client_auth: 'tls.certificate',
  none: undefined,
}

function checkClientAuthentication(provider: DraftedProvider, report: RuleReport): void {
  const method = provider.keys.clientAuthentication
  const hasSecret = report.isWritten([...provider.place, 'clientSecret'])
  const hasKey = report.isWritten([...provider.place, 'clientKey'])
  const place: Path = [...provider.place, 'clientAuthentication']
  const signs = provider.keys.signedAuthorizationRequests === true
  if (signs && !hasKey)
    report.problem(
      [...provider.place, 'signedAuthorizationRequests'],
      'needs a clientKey to sign with',
    )
  if (hasSecret && hasKey && !signs)
    report.problem(
      [...provider.place, 'clientKey'],
      'is given beside clientSecret: leave one of them out',
    )
  if (method === undefined) return
  const needed = NEEDED[method]
  if (hasSecret && needed !== 'clientSecret')
    report.problem(place, `is ${method}, but there is a clientSecret: leave one of them out`)
  if (hasKey && needed !== 'clientKey' && !signs)
    report.problem(place, `is ${method}, but there is a clientKey: leave one of them out`)
  if (needed === 'clientSecret' && !hasSecret)
    report.problem(place, `is ${method}, which needs a clientSecret; a public client has none`)
  if (needed === 'clientKey' && !hasKey)
    report.problem(place, `is ${method}, which needs a clientKey`)
  if (needed === 'tls.certificate' && !report.isWritten([...provider.place, 'tls', 'certificate']))
    report.problem(place, `is ${method}, which needs tls.certificate and tls.key`)
}

function checkScope({ keys: { scope }, place }: DraftedProvider, report: RuleReport): void {
  if (scope === undefined || scope.includes(undefined)) return
  const path = [...place, 'scope']
  if (!scope.includes('openid'))
    report.problem(
      path,
      'must have openid: without it there is no ID token that says who signed in',
    )
  const twice = scope.find((token, at) => scope.indexOf(token) !== at)
  if (twice !== undefined) report.problem(path, `names ${report.shown(path, twice)} twice`)
}

function checkParameters({ keys, place }: DraftedProvider, report: RuleReport): void {
  if (!report.isWritten([...place, 'loginParameters'])) return
  for (const [at, name] of (keys.loginParameters ?? []).entries()) {
    if (name === undefined || !Object.hasOwn(keys.authorizationParameters ?? {}, name)) continue
    const path = [...place, 'loginParameters', at]
    report.problem(
      path,
      `${report.shown(path, name)} is fixed in authorizationParameters: a login link cannot change it`,
    )
  }
}
