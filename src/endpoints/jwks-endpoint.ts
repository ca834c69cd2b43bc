import type { FastifyReply, FastifyRequest } from 'fastify'
import { entranceOf } from '../http/entrance.ts'
import { plainHeaders, refuse } from '../http/refusal.ts'
import type { IdentityTokens } from '../oidc/identity-tokens.ts'

export interface JwksEndpointOptions {
  /** Absent: nothing is signed here. */
  readonly identityTokens?: Pick<IdentityTokens, 'jwks'> | undefined
}

const MAX_AGE_SECONDS = 300 // how long a new key has to be published before it signs: docs/headers.md

/**
 * `GET /oauth2/jwks`: the keys that upstreams check signed identities with (RFC 7517 §5). Public, and the one answer of ours that may
 * be cached: it says the same to everybody.
 */
export function jwksEndpoint({ identityTokens }: JwksEndpointOptions) {
  const document = identityTokens && Buffer.from(JSON.stringify(identityTokens.jwks)) // of a text the type would get a charset
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    if (document === undefined) return refuse(request, reply, 'route_not_found')
    return reply
      .headers({
        ...plainHeaders(entranceOf(request.raw)),
        'cache-control': `public, max-age=${MAX_AGE_SECONDS}`,
        'content-type': 'application/jwk-set+json',
      })
      .send(document)
  }
}
