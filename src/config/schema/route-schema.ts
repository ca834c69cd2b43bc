import type { RoutePath, Upstream } from '../../domain/route.ts'
import { corsSchema } from './cors-schema.ts'
import { bearerSchema } from './bearer-schema.ts'
import { routeIdentitySchema } from './identity-schema.ts'
import { requirementSchema } from './requirement-schema.ts'
import { choice, either, flag, list, section, size, text, optional } from './schema-parts.ts'
import { routeHeadersSchema } from './route-headers-schema.ts'
import { timeoutsSchema, upstreamTlsSchema } from './route-upstream-schema.ts'
import { tokenSchema } from './token-schema.ts'

const routeSchema = section({
  path: text<RoutePath>('route-path', {
    example: '/api/orders/*',
    description:
      'Path of the route: /x for exactly that path, /x/* for /x and everything below, /* for all. The most specific route wins, their order ' +
      'never matters; query and headers never decide. /oauth2 is ours.',
    whenMissing: 'give /x for one path or /x/* for everything below',
  }),
  host: optional(
    text('route-host', {
      exampleOff: true,
      example: 'app.example.com',
      description:
        'Only requests for this host name. Default: every host. No port, no wildcard. As soon as one route names a host, requests ' +
        'for hosts that are neither named nor that of publicUrl are refused with 421.',
    }),
  ),
  methods: optional(
    list(text('method'), {
      minItems: 1,
      exampleOff: true,
      example: '[GET, POST]',
      description:
        'Only these methods, GET brings HEAD with it; others on this path get 405. Default: every method except CONNECT and TRACE.',
    }),
  ),
  upstream: text<Upstream>('upstream', {
    example: 'http://orders:3000',
    description:
      'Where matching requests go: http(s)://host:port[/base] or unix:/path/to.sock. The path of the request is appended to the base. ' +
      'Certificates of https upstreams are always verified. none: another proxy forwards and asks here first, see forwardAuth.',
    whenMissing: 'give http(s)://host:port[/base] or unix:/path',
  }),
  http2: flag({
    default: false,
    description:
      'Speak HTTP/2 to the upstream: agreed on by ALPN with https, at once (h2c, prior knowledge) with http and unix. Default false: HTTP/1.1. For ' +
      'upstreams that speak nothing else; one that does not speak HTTP/2 gets 502. Not together with websocket.',
  }),
  stripPrefix: optional(
    text('strip-prefix', {
      exampleOff: true,
      example: '/api',
      description:
        'Leading part of the path that is cut off before forwarding: whole segments of path. Default: nothing is cut off.',
    }),
  ),
  access: choice(['required', 'optional', 'public'], {
    default: 'required',
    description:
      'Who may pass. required (default): signed-in users. optional: everybody; with a session the upstream gets the token. public: ' +
      "everybody, and never a user's token or claim.",
  }),
  provider: optional(
    either<string | readonly string[]>(
      [text('provider-name'), list(text('provider-name'), { minItems: 1 })],
      {
        alternative: true,
        example: 'staff',
        description:
          'Whose sessions and tokens this route takes: one of providers, or a list of them, of which people choose one. Needed as soon as there are several, except on ' +
          'public routes; whoever is signed in elsewhere only is not signed in here.',
      },
    ),
  ),
  unauthenticated: choice(['auto', 'login', 'reject'], {
    default: 'auto',
    description:
      'What happens without a session on a required route. auto (default): a page navigation goes to the login, everything else gets 401. ' +
      'login: the same, but also for navigations that cannot be told by their headers. reject: always 401.',
  }),
  credentials: list(choice(['session', 'bearer'], {}), {
    default: ['session'],
    minItems: 1,
    example: '[session, bearer]',
    description:
      "What callers may prove themselves with. session (default): the cookie of a sign-in here; an Authorization header of the client's own is dropped. bearer: " +
      'an access token of their own, which is checked and goes upstream. With both, a request with Authorization: Bearer is judged by that alone, whatever ' +
      'cookies come with it; a bad token is 401, never a fall-back to the session.',
  }),
  bearer: bearerSchema,
  require: requirementSchema,
  token: tokenSchema,
  headers: routeHeadersSchema,
  identity: optional(routeIdentitySchema),
  csrf: flag({
    default: true,
    description:
      'Unsafe methods with a session must come from this site itself (Sec-Fetch-Site, Origin or a custom header). Default true. DANGER: false lets ' +
      'any web page act in the name of signed-in users; only for upstreams with their own protection. Warned of at every start (STANDARDS CS-1).',
  }),
  replayForm: flag({
    default: false,
    example: 'true',
    exampleOff: true,
    description:
      'Keep a form that is posted after the session has ended, and send it once the same user has signed in again. It waits in the browser, sealed, for 15 minutes; only ' +
      'forms of our own pages, urlencoded, up to 64 KiB (docs/forms.md). Default false: a page says that the form was not sent. Turn it on only where a form may arrive a quarter of an hour late.',
  }),
  cors: optional(corsSchema),
  websocket: either<boolean | { origins: readonly string[] }>(
    [
      flag({}),
      section({
        origins: list(text('origin'), {
          minItems: 1,
          description:
            'Exact origins whose pages may open a WebSocket. publicUrl is included only when listed.',
        }),
      }),
    ],
    {
      default: false,
      description:
        'WebSockets on this route. Default false: refused with 426. true: from pages of publicUrl. {origins: [https://…]}: from pages of exactly ' +
        'these origins. A socket closes when its session ends.',
    },
  ),
  timeouts: timeoutsSchema,
  maxBody: size({
    default: '10MiB',
    atLeast: '0B',
    atMost: '1024GiB',
    description:
      'Largest request body, counted while it streams; more gets 413. Default 10MiB. Bodies are never held in memory, so a large ' +
      'limit costs the upstream, not the gateway.',
  }),
  maxHeaders: optional(
    size({
      atLeast: '1KiB',
      atMost: '16KiB',
      example: '8KiB',
      exampleOff: true,
      description:
        'Largest header section of a request, names and values as HTTP/1.1 writes them; more gets 431. For upstreams that take less than others: the gateway adds the ' +
        'access token and some lines of its own. Default: what the gateway itself takes, 16KiB with the request line.',
    }),
  ),
  cacheable: flag({
    default: false,
    description:
      "Leave the upstream's Cache-Control alone on answers to signed-in users. Default false: they become private, as a shared cache in front cannot " +
      "see whose they are. DANGER: true lets a cache hand one user's answer to another unless the upstream marks it right (RFC 9111 §3.5).",
  }),
  hostHeader: choice(['upstream', 'client'], {
    default: 'upstream',
    description:
      'Host header the upstream gets. upstream (default): its own. client: the one of the request, for upstreams that serve several sites.',
  }),
  tls: upstreamTlsSchema,
})

/** `routes`: what is proxied. */
export const routesSchema = list(routeSchema, {
  minItems: 1,
  description:
    'What is proxied, for whom and where. A request that matches no route gets 404; a route without access is protected.',
  whenMissing: 'at least one route with path and upstream is needed',
})
