import type { ClaimValue } from '../../domain/requirement.ts'
import {
  duration,
  either,
  freeMap,
  list,
  scalar,
  section,
  text,
  type Words,
  optional,
} from './schema-parts.ts'

function claims(words: Words) {
  const values = either<ClaimValue | readonly ClaimValue[]>(
    [scalar({}), list(scalar({}), { minItems: 1 })],
    {},
  )
  return freeMap('claim-name', values, words)
}

const condition = {
  scope: optional(
    text<readonly string[]>('scope', {
      example: 'read:orders',
      description:
        'Scope that must have been granted, whatever was asked for: all words of it, separated by spaces. Otherwise 403 insufficient_scope.',
    }),
  ),
  claims: optional(
    claims({
      example: '{ groups: [staff, admin], email_verified: true }',
      description:
        'Claims that must have a certain value; all of them. A list of values means any of these; if the claim itself is a list, one match is enough. Compared ' +
        'with type and case: true is not "true". Dots lead into objects (realm_access.roles); a name with : or / is one name (https://acme.example/roles); one with ' +
        'dots is written ["a.b"]. Otherwise 403 claims_unmet, which names the claims but not the values.',
    }),
  ),
}

const part = {
  scope: optional(text<readonly string[]>('scope', { description: 'As require.scope.' })),
  claims: optional(claims({ description: 'As require.claims.' })),
}

const any = optional(
  list(section(part), {
    minItems: 1,
    exampleOff: true,
    example: '[{ scope: admin }, { claims: { department: sales } }]',
    description: 'At least one of these must hold as a whole: each has scope, claims or both.',
  }),
)

/** `routes[].require`: who of those that are known may pass. */
export const requirementSchema = optional(
  section(
    {
      ...condition,
      acr: optional(
        list(text('scope-token'), {
          minItems: 1,
          exampleOff: true,
          example: '[phr]',
          description:
            "How the user must have signed in: one of these, in the provider's words (acr), best first. Otherwise page navigations go to the provider once with " +
            'acr_values, and everything else gets 401 step_up_required (RFC 9470). A provider that never says acr lets nobody in.',
        }),
      ),
      maxAge: optional(
        duration({
          atLeast: '10s',
          atMost: '365d',
          exampleOff: true,
          example: '15m',
          description:
            'Longest time since the user proved who they are (auth_time), in whole seconds; provider.idToken.clockTolerance is granted on top. Otherwise page navigations ' +
            'go to the provider once with max_age, and everything else gets 401 step_up_required. Too short asks for the password all the time.',
        }),
      ),
      any,
      all: optional(
        list(section({ ...part, any }), {
          minItems: 1,
          exampleOff: true,
          example:
            '[{ claims: { groups: staff }, scope: read:staff }, { any: [{ claims: { groups: berlin } }, { scope: admin }] }]',
          description:
            'Each of these must hold: for two values of one claim, or for several groups of any.',
        }),
      ),
    },
    {
      description:
        'What a caller needs beyond being known; everything in it must hold. Default: nothing. Only with access: required. Who lacks scope or claims gets 403 and ' +
        'is never sent to a login for it, as another login would change nothing; acr and maxAge are asked for at the provider.',
    },
  ),
)
