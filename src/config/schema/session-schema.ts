import { HOW_TO_MAKE_A_SECRET } from '../formats/secret-key.ts'
import { fileSchema } from './file-schema.ts'
import { redisSchema } from './redis-schema.ts'
import { choice, count, duration, flag, list, section, text, optional } from './schema-parts.ts'

/** `session`: what keeps users signed in. */
export const sessionSchema = section(
  {
    secrets: list(text<Uint8Array>('secret-key', { secret: true }), {
      minItems: 1,
      example: `['\${SESSION_SECRET}']`,
      description:
        'Keys that seal our cookies: 32 random bytes each, in base64, base64url or hex. The first writes, all read: to change ' +
        'keys put the new one in front and drop the old one after session.lifetime. Whoever knows one can forge cookies; ' +
        `losing them signs everybody out. Never made up at start, as that would sign everybody out at each restart. ${sentence(HOW_TO_MAKE_A_SECRET)}`,
      whenMissing: `the keys that seal our cookies are needed; ${HOW_TO_MAKE_A_SECRET} and write secrets: ["\${SESSION_SECRET}"]`,
    }),
    store: choice(['memory', 'file', 'redis'], {
      default: 'memory',
      description:
        'Where sessions are kept. memory (default): in this process, so a restart signs everybody out and a second replica does not see them. ' +
        'file: on the disk of this machine, so that they outlive restarts and all workers see them, see session.file. ' +
        'redis: in a server that all replicas share, see session.redis. What each of them promises: docs/sessions.md.',
    }),
    file: optional(fileSchema),
    redis: optional(redisSchema),
    idleTimeout: duration({
      default: '30m',
      atLeast: '1s',
      atMost: '400d',
      description:
        'A session ends after this time without a request; any proxied request restarts it. Default 30m. Too short signs people ' +
        'out while they read; too long leaves forgotten browsers signed in. It cannot be switched off: 0 is refused (ASVS 7.3.1).',
    }),
    lifetime: duration({
      default: '12h',
      atLeast: '1s',
      atMost: '400d',
      description:
        'A session ends this long after the login, whatever happens. Default 12h: a working day. At most 400d, where browsers cap ' +
        'cookies. An idleTimeout beyond it is refused (ASVS 7.3.2).',
    }),
    maxSessions: count({
      default: 100_000,
      minimum: 1,
      maximum: 10_000_000,
      description:
        'Most sessions kept in memory or in the file, about 1 KiB each plus its tokens. Default 100000. When full, new logins are answered 503 until others end; nobody is signed out. ' +
        'Too small refuses logins at busy hours; too large lets them fill the memory.',
    }),
    maxPerSubject: optional(
      count({
        minimum: 1,
        maximum: 10_000,
        exampleOff: true,
        example: '10',
        description:
          'Most sessions of one user (subject) at a time, over all replicas. A login beyond it succeeds and ends the oldest one, whose browser is told ' +
          'session_superseded. Default: no limit, as people use several devices. Too small signs people out of devices they still use; ' +
          'without a limit an account in wrong hands can hold many (ASVS 7.1.2).',
      }),
    ),
    cookie: section(
      {
        sameSite: choice(['lax', 'strict'], {
          default: 'lax',
          description:
            'SameSite of the session cookie. Default lax: links from other sites find the user signed in. strict hides the cookie on such ' +
            'links, also right after the login at the provider. Requests from other sites are refused by their headers in both cases.',
        }),
      },
      {
        default: {},
        description:
          'The session cookie: __Host-bearergate, Secure and HttpOnly; a plain name only with an http publicUrl on loopback.',
      },
    ),
    claims: list(text('line'), {
      default: ['name', 'preferred_username', 'email', 'picture'],
      description:
        'Claims that GET /oauth2/session shows to scripts of the page, beside sub. Default: what a page needs to greet its user. ' +
        'Every entry can be read by any script on the site; [] shows none.',
    }),
  },
  {
    description: 'Sessions: kept on the server, found by a ticket in a cookie.',
    whenMissing: 'it needs secrets',
  },
)

/** `logout`: what a sign-out does beyond ending our session. */
export const logoutSchema = section(
  {
    revoke: flag({
      default: true,
      description:
        'Revoke the refresh token at the provider on sign-out, in the background (RFC 7009). Default true. false leaves it valid there until it expires by itself.',
    }),
    postLogoutRedirect: optional(
      text('local-path', {
        exampleOff: true,
        example: '/goodbye',
        description:
          'Local path to land on after sign-out. Default: our signed-out page. Should be a public route, else the user is asked to sign in again at once.',
      }),
    ),
    clearSiteData: flag({
      default: true,
      description:
        'Ask the browser to drop its cache and storage of this site on sign-out (Clear-Site-Data: "cache", "storage"). Default true, so that ' +
        'the Back button shows nothing. false keeps drafts and settings of the application (ASVS 14.3.1).',
    }),
    providerLogoutUrl: optional(
      text('http-url', {
        exampleOff: true,
        example: 'https://idp.example.com/logout',
        description:
          'Where to send the browser on sign-out when the provider has no end_session_endpoint. Default: only our session ends.',
      }),
    ),
    requireTokenType: flag({
      default: false,
      description:
        'Take only logout tokens whose header says typ: logout+jwt. Default false, because many providers leave it out: a token without it must still be signed, ' +
        'be for this client and name the back-channel logout event, which no other token does. Any other typ is refused in both cases (OpenID Connect Back-Channel Logout §2.4).',
    }),
  },
  {
    default: {},
    description: 'Sign-out. Our session always ends first, also when the provider is down.',
  },
)

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
