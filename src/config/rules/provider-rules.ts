import type { Path } from '../decode-report.ts'
import { isLoopback } from '../formats/web-address.ts'
import type { Draft, RuleReport } from './draft.ts'

type Provider = NonNullable<NonNullable<Draft>['provider']>

/** What the keys of the provider must agree on. */
export function checkProvider(draft: Draft, report: RuleReport): void {
  const provider = draft?.provider
  if (provider === undefined) return
  checkTransport(draft, provider, report)
  checkClientAuthentication(provider, report)
  checkScope(provider, report)
  checkParameters(provider, report)
  if (provider.maxAge !== undefined && provider.maxAge % 1_000 !== 0) {
    report.problem(['provider', 'maxAge'], 'must be whole seconds: max_age has no fractions')
  }
}

function checkTransport(draft: Draft, provider: Provider, report: RuleReport): void {
  const insecure = providerUrls(draft, provider).filter(({ url }) => url.protocol === 'http:')
  const beyond = insecure.filter(({ url }) => !isLoopback(url))
  if (provider.allowInsecureHttp === true && (beyond.length > 0 || insecure.length === 0)) {
    report.warning(
      ['provider', 'allowInsecureHttp'],
      'codes, tokens and the client secret may cross the network unencrypted',
    )
  }
  for (const { path, url } of insecure) {
    if (isLoopback(url)) report.warning(path, 'http on loopback: for trying out only')
    else if (provider.allowInsecureHttp === false) {
      report.problem(
        path,
        'must be https; http is allowed on loopback, and elsewhere only with provider.allowInsecureHttp: true',
      )
    }
  }
}

function providerUrls(draft: Draft, provider: Provider): { path: Path; url: URL }[] {
  const endpoints = Object.entries(provider.endpoints ?? {})
  const origins = (provider.allowedOrigins ?? []).entries()
  const places: (readonly [Path, string | undefined])[] = [
    [['provider', 'issuer'], provider.issuer],
    [['provider', 'discoveryUrl'], provider.discoveryUrl],
    ...endpoints.map(([name, url]) => [['provider', 'endpoints', name], url] as const),
    ...Array.from(origins, ([at, url]) => [['provider', 'allowedOrigins', at], url] as const),
    [['logout', 'providerLogoutUrl'], draft?.logout?.providerLogoutUrl],
  ]
  return places.flatMap(([path, url]) => (url === undefined ? [] : [{ path, url: new URL(url) }]))
}

function checkClientAuthentication(provider: Provider, report: RuleReport): void {
  const method = provider.clientAuthentication
  const hasSecret = report.isWritten(['provider', 'clientSecret'])
  const place: Path = ['provider', 'clientAuthentication']
  if (method === 'none' && hasSecret)
    report.problem(place, 'is none, but there is a clientSecret: leave one of them out')
  if (method !== undefined && method !== 'none' && !hasSecret) {
    report.problem(place, `is ${method}, which needs a clientSecret; a public client has none`)
  }
}

function checkScope({ scope }: Provider, report: RuleReport): void {
  if (scope === undefined || scope.includes(undefined)) return
  const path = ['provider', 'scope']
  if (!scope.includes('openid'))
    report.problem(
      path,
      'must have openid: without it there is no ID token that says who signed in',
    )
  const twice = scope.find((token, at) => scope.indexOf(token) !== at)
  if (twice !== undefined) report.problem(path, `names ${report.shown(path, twice)} twice`)
}

function checkParameters(provider: Provider, report: RuleReport): void {
  if (!report.isWritten(['provider', 'loginParameters'])) return
  for (const [at, name] of (provider.loginParameters ?? []).entries()) {
    if (name === undefined || !Object.hasOwn(provider.authorizationParameters ?? {}, name)) continue
    const path = ['provider', 'loginParameters', at]
    report.problem(
      path,
      `${report.shown(path, name)} is fixed in authorizationParameters: a login link cannot change it`,
    )
  }
}
