import type { HeaderPart } from '../../domain/route.ts'
import { freeMap, list, section, text } from './schema-parts.ts'

/** `routes[].headers`. */
export const routeHeadersSchema = section(
  {
    set: freeMap('header-name', text<readonly HeaderPart[]>('header-value'), {
      default: {},
      example: `{ X-User: '\${claims.email}', X-Request-Source: gateway }`,
      description:
        'Headers to set upstream. ${claims.name} puts in a claim of the signed-in user: dots lead into objects, and a claim whose name is a ' +
        'URL is written ${claims["https://acme.example/roles"]}. ${session.subject} and issuer, sid, acr, auth_time, created_at, ends_at ' +
        'tell of the session, ${request.path} and id, method, host, client_address of the request. Without the claim or value the header is not sent. Lists are joined by ' +
        'commas, and what a header cannot carry is percent-encoded (docs/headers.md). What a client sends under these names is dropped on every route. Headers of the protocol and those the gateway sets itself are refused.',
    }),
    remove: list(text('header-name'), {
      default: [],
      example: '[X-Internal]',
      description:
        'Request headers never sent upstream. Default none beyond those the gateway always drops.',
    }),
    hide: list(text('header-name'), {
      default: [],
      example: '[Server, X-Powered-By]',
      description:
        "Headers of the upstream's answers that clients do not get, such as those that tell what it runs on. Default none: they pass (the gateway adds no such header of its own).",
    }),
  },
  {
    default: {},
    description:
      'Changes to the request headers the upstream gets, on top of its Authorization, and to those of its answers.',
  },
)
