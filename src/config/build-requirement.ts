import type { ClaimValue, Condition, RequiredClaim, Requirement } from '../domain/requirement.ts'
import { claimPath } from './formats/claim-path.ts'
import type { LoadedTree } from './schema/config-schema.ts'

type LoadedRequirement = NonNullable<LoadedTree['routes'][number]['require']>
type LoadedGroup = Pick<LoadedRequirement, 'scope' | 'claims' | 'any'>

/** What a route asks of its callers, as the access decision reads it. */
export function buildRequirement({ all, acr, maxAge, ...own }: LoadedRequirement): Requirement {
  const stepUp = {
    ...(acr === undefined ? {} : { acrValues: acr }),
    ...(maxAge === undefined ? {} : { maxAgeSeconds: maxAge / 1_000 }),
  }
  return {
    ...groupOf(own),
    ...(all === undefined ? {} : { all: all.map(groupOf) }),
    ...(acr === undefined && maxAge === undefined ? {} : { stepUp }),
  }
}

function groupOf({ any, ...own }: LoadedGroup): Condition & Pick<Requirement, 'any'> {
  return { ...conditionOf(own), ...(any === undefined ? {} : { any: any.map(conditionOf) }) }
}

function conditionOf({ scope, claims }: Pick<LoadedGroup, 'scope' | 'claims'>): Condition {
  return {
    ...(scope === undefined ? {} : { scope }),
    ...(claims === undefined ? {} : { claims: Object.entries(claims).map(requiredClaim) }),
  }
}

function requiredClaim([name, values]: [
  string,
  ClaimValue | readonly ClaimValue[],
]): RequiredClaim {
  return {
    name,
    path: claimPath(name) ?? [],
    oneOf: typeof values === 'object' ? values : [values],
  }
}
