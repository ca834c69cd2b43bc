import type { CustomFetch } from 'openid-client'
import { GatewayError } from '../domain/gateway-error.ts'
import type { BoundedFetch, StrangersCall } from './bounded-fetch.ts'
import type { Endpoints } from './provider-metadata.ts'

/**
 * The bounded fetch for openid-client, with what that library leaves open at the token endpoint:
 * the redirect URI of the code grant goes out byte for byte (STACK O5), a success that is not
 * labelled JSON is refused, what is told as nothing is absent, and an error is recognised by its body,
 * whatever its label and challenge say (STACK §3.4).
 */
export function tokenEndpointFetch(
  fetch: BoundedFetch,
  endpoints: Pick<
    Endpoints,
    'token_endpoint' | 'introspection_endpoint' | 'pushed_authorization_request_endpoint'
  >,
  { redirectUri }: { readonly redirectUri: string },
): CustomFetch {
  const tokenUrl = new URL(endpoints.token_endpoint).href
  const strangers = strangersCalls(endpoints)
  return async (url, request) => {
    const { body } = request
    if (body instanceof URLSearchParams && body.get('grant_type') === 'authorization_code') {
      body.set('redirect_uri', redirectUri)
    }
    const ofStrangers = strangers.get(url)
    const answer = await fetch(url, {
      ...request,
      ...(ofStrangers === undefined ? {} : { ofStrangers }),
    })
    if (answer.status >= 400) return legibleError(answer)
    if (answer.status !== 200 || url !== tokenUrl) return answer
    refuseUnlabelled(answer)
    return withoutNothings(answer)
  }
}

/** What is called because somebody asks who has not proved anything yet, by address. */
function strangersCalls({
  introspection_endpoint: introspection,
  pushed_authorization_request_endpoint: pushing,
}: Parameters<typeof tokenEndpointFetch>[1]): ReadonlyMap<string, StrangersCall> {
  const calls = new Map<string, StrangersCall>()
  if (introspection !== undefined) calls.set(new URL(introspection).href, 'introspection')
  if (pushing !== undefined) calls.set(new URL(pushing).href, 'login_start')
  return calls
}

function refuseUnlabelled(answer: Response): void {
  const type = answer.headers.get('content-type') ?? ''
  if (/^application\/json\s*(;|$)/i.test(type)) return
  throw new GatewayError('provider_error', `the token answer is labelled ${JSON.stringify(type)}`)
}

/** Members of a token answer that may be absent (RFC 6749 §5.1). */
const OPTIONAL = new Set(['expires_in', 'id_token', 'refresh_token', 'scope'])

/** The same answer less what is null or empty text: servers that write every member mean that there is none. */
async function withoutNothings(answer: Response): Promise<Response> {
  const text = await answer.text()
  const members = Object.entries(parseObject(text) ?? {})
  const told = members.filter(([name, value]) => !OPTIONAL.has(name) || !isNothing(name, value))
  const body = told.length === members.length ? text : JSON.stringify(Object.fromEntries(told))
  return new Response(body, { status: answer.status, headers: answer.headers })
}

/** An empty scope says something: nothing was granted. */
function isNothing(name: string, value: unknown): boolean {
  return value === null || (value === '' && name !== 'scope')
}

/** The same answer with a label that fits its body; a challenge stays only where it says all there is. */
async function legibleError(answer: Response): Promise<Response> {
  const { status } = answer
  const text = await answer.text()
  const body = parseObject(text)
  const challenge =
    typeof body?.['error'] === 'string' ? null : answer.headers.get('www-authenticate')
  return new Response(text, {
    status,
    headers: {
      'content-type': body === undefined ? 'text/plain' : 'application/json',
      ...(challenge === null ? {} : { 'www-authenticate': challenge }),
    },
  })
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
