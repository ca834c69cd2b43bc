import type { Static } from 'typebox'
import { forwardAuthSchema } from './forward-auth-schema.ts'
import { identitySchema } from './identity-schema.ts'
import { adminSchema, listenSchema } from './listener-schema.ts'
import { providerSchema, providersSchema } from './provider-schema.ts'
import { routesSchema } from './route-schema.ts'
import {
  choice,
  count,
  duration,
  section,
  text,
  type SchemaNode,
  optional,
} from './schema-parts.ts'
import { loginLimitSchema } from './login-limit-schema.ts'
import { logoutSchema, sessionSchema } from './session-schema.ts'

/** Every key of the configuration, documented here and nowhere else. */
const configSchema = section({
  publicUrl: text<URL>('public-url', {
    example: 'https://app.example.com',
    description:
      'Scheme, host and port that browsers use. redirect_uri is publicUrl + /oauth2/callback: register exactly that at the provider. Host and forwarded ' +
      'headers never change it. https, or http on loopback for trying out.',
    whenMissing: 'give what browsers use, such as https://app.example.com',
  }),
  listen: listenSchema,
  admin: adminSchema,
  provider: optional(providerSchema),
  providers: optional(providersSchema),
  session: sessionSchema,
  logout: logoutSchema,
  loginLimit: loginLimitSchema,
  forwardAuth: optional(forwardAuthSchema),
  identity: optional(identitySchema),
  routes: routesSchema,
  workers: count({
    default: 1,
    minimum: 1,
    maximum: 64,
    description:
      'Processes that serve requests, on one listener. Default 1. More use more processor cores: one each, and 100 to 200 MiB of memory each. One that fails is replaced. ' +
      'They share sessions, so session.store must be file or redis. More than there are cores gains nothing. docs/operations.md tells of them.',
  }),
  logging: section(
    {
      level: choice(['trace', 'debug', 'info', 'warn', 'error'], {
        default: 'info',
        description:
          'Least level that is logged, as JSON lines on standard output. Default info: one line per request and the audit lines. warn and ' +
          'error hide both. No level shows tokens, codes or cookies.',
      }),
    },
    { default: {}, description: 'What the gateway writes to standard output.' },
  ),
  shutdown: section(
    {
      delay: duration({
        default: '0s',
        atLeast: '0s',
        atMost: '5m',
        description:
          'How long the gateway goes on as before after SIGTERM, with /readyz already failing, so that load balancers stop sending requests ' +
          'before it stops accepting them. Default 0s: right for a sidecar, and where connections are retried. About 5s where balancers ' +
          'learn slowly, as in Kubernetes; comes on top of timeout.',
      }),
      timeout: duration({
        default: '25s',
        atLeast: '0s',
        atMost: '1h',
        description:
          'How long requests in flight may take to finish after SIGTERM. Default 25s: within the 30s that Kubernetes waits before it ' +
          'kills. Must be shorter than what your supervisor waits (docker stop: 10s); 0s cuts all at once.',
      }),
    },
    { default: {}, description: 'How the gateway comes to its end.' },
  ),
})

/** The same as a tree to walk: by the loader, and by what is generated from it. */
export const configTree = configSchema as unknown as SchemaNode

/** The configuration as loaded, still under the names of the file. */
export type LoadedTree = Static<typeof configSchema>
