import { GatewayError } from '../domain/gateway-error.ts'
import type { ProviderEntries, ProviderEntry } from '../http/provider-entry.ts'

/**
 * The providers that a request to one of our endpoints means: those it names (`provider=a`, or `a,b`), else all. A sole
 * provider is always meant, and what the parameter says is not ours to read then.
 *
 * @throws GatewayError parameter_refused: it names one that there is not
 */
export function wishedProviders(
  parameters: URLSearchParams,
  entries: ProviderEntries,
): ProviderEntries {
  const wish = entries.length === 1 ? null : parameters.get('provider')
  if (wish === null) return entries
  const names = wish.split(',')
  const [first, ...others] = entries.filter(({ name }) => names.includes(name))
  if (first !== undefined && others.length + 1 === new Set(names).size) return [first, ...others]
  throw new GatewayError('parameter_refused', 'there is no provider of that name')
}

/** The `provider` of links that lead back to the same choice; `undefined` where nothing has to be said. */
export function loginAtOf(
  wished: readonly Pick<ProviderEntry, 'name'>[],
  entries: ProviderEntries,
): string | undefined {
  if (wished.length === entries.length) return undefined
  return wished.map(({ name }) => name).join(',')
}
