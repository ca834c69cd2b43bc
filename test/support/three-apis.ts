import { decodeJwt } from 'jose'
import type { Test } from 'tap'
import type { Browser } from './browser-jar.ts'
import { startRecordingUpstream, type RecordingUpstream } from './recording-upstream.ts'

/** One API behind the gateway, and what it must see: only tokens whose audience it is. */
export interface Api {
  readonly name: 'a' | 'b' | 'c'
  readonly resource: string
  readonly upstream: RecordingUpstream
}

/** Three of them: `/a/*`, `/b/*`, `/c/*`. */
export async function startThreeApis(t: Test): Promise<readonly Api[]> {
  const names = ['a', 'b', 'c'] as const
  return Promise.all(
    names.map(async (name) => ({
      name,
      resource: `https://${name}.example.com/`,
      upstream: await startRecordingUpstream(t),
    })),
  )
}

/** Routes to them: the first gets the token of the login, the others one of their own by refresh. */
export function routesTo(apis: readonly Api[]): object[] {
  return apis.map(({ name, resource, upstream }, at) => ({
    path: `/${name}/*`,
    upstream: upstream.origin,
    ...(at === 0 ? {} : { token: { via: 'refresh', resource } }),
  }))
}

/** The different tokens an API has seen, in order. */
export function tokensAt({ upstream }: Api): string[] {
  const bearers = upstream.requests.flatMap((request) => request.values('authorization'))
  return [...new Set(bearers)].map((value) => value.replace(/^Bearer /, ''))
}

/** The audiences of all tokens an API has seen. */
export function audiencesAt(api: Api): string[] {
  return [...new Set(tokensAt(api).flatMap((token) => decodeJwt(token).aud ?? []))]
}

/** `count` requests to each API at once, over these gateways in turn; answers their statuses, each once. */
export async function askAll(
  browser: Browser,
  apis: readonly Api[],
  { origins, count }: { readonly origins: readonly string[]; readonly count: number },
): Promise<number[]> {
  const urls = Array.from({ length: count }, (_, at) => origins[at % origins.length] as string)
  const answers = await Promise.all(
    urls.flatMap((origin) => apis.map(({ name }) => browser.fetch(`${origin}/${name}/x`))),
  )
  return [...new Set(answers.map(({ status }) => status))]
}
