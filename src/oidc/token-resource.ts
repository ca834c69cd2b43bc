import type { ProviderOptions } from './provider-options.ts'

/**
 * The resource of a token request: the configured one, if there is exactly one (RFC 8707 §2.2). With
 * several, which one a token is for is not ours to guess: the provider decides.
 */
export function tokenResource({ resource }: ProviderOptions): Record<string, string> {
  const [only, ...others] = resource
  return only === undefined || others.length > 0 ? {} : { resource: only }
}
