import { duration, flag, list, section, text } from './schema-parts.ts'

/** `routes[].cors`: pages of other origins. */
export const corsSchema = section(
  {
    origins: list(text('origin'), {
      minItems: 1,
      example: '[https://shop.example.com]',
      description:
        'Exact origins whose scripts may read answers. No wildcard, no null. Preflights of others get 403.',
      whenMissing: 'name the origins: https://host[:port]',
    }),
    credentials: flag({
      default: false,
      description:
        'Those scripts may also use the session, for reading and for changing. Default false: their calls are as those of strangers. DANGER: true lets script of ' +
        'those origins act in the name of signed-in users. Browsers send our cookie only from the same site (SameSite), so it serves sibling hosts.',
    }),
    headers: list(text('field-name'), {
      default: ['content-type', 'x-requested-with'],
      description:
        'Request headers those scripts may set. Default: what JSON calls need. Add authorization where they bring tokens of their own.',
    }),
    expose: list(text('field-name'), {
      default: [],
      description:
        'Answer headers those scripts may read, beyond what browsers always show. Default none.',
    }),
    maxAge: duration({
      default: '10m',
      atLeast: '0s',
      atMost: '1d',
      description:
        'How long browsers remember the answer to a preflight. Default 10m. Longer saves requests and keeps withdrawn permissions alive; browsers cap it (Chromium: 2h).',
    }),
  },
  {
    exampleOff: true,
    description:
      'Lets pages of other origins read answers (CORS). Default: off. The gateway answers preflights itself, without session; what the upstream says of CORS is ' +
      'replaced (STANDARDS CS-5).',
  },
)
