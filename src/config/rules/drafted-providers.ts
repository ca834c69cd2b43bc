import type { Path } from '../decode-report.ts'
import { providersOfRoute } from '../providers-of-route.ts'
import type { Draft, RouteDraft } from './draft.ts'

type Keys = NonNullable<NonNullable<Draft>['provider']> &
  Partial<NonNullable<NonNullable<NonNullable<Draft>['providers']>[string]>>

/** A provider of the file, as far as it is right. */
export interface DraftedProvider {
  /** '' under `provider`. */
  readonly name: string
  readonly place: Path
  readonly keys: Keys
}

/** All providers, in the order of the file. */
export function draftedProviders(draft: Draft): readonly DraftedProvider[] {
  const { provider, providers = {} } = draft ?? {}
  const sole = provider === undefined ? [] : [{ name: '', place: ['provider'], keys: provider }]
  const several = Object.entries(providers).flatMap(([name, keys]) =>
    keys === undefined ? [] : [{ name, place: ['providers', name], keys }],
  )
  return [...sole, ...several]
}

/** Those of a route. */
export function draftedProvidersOf(
  { provider }: RouteDraft,
  all: readonly DraftedProvider[],
): readonly DraftedProvider[] {
  const names = all.map(({ name }) => name)
  const taken = providersOfRoute(provider, names)
  return all.filter(({ name }) => taken.includes(name))
}
