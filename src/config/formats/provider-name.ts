import { accepted, refused, type Parsed } from './parsed.ts'

/** The name of one of several providers: it stands in cookie names, addresses and labels. */
export function parseProviderName(text: string): Parsed<string> {
  return /^[a-z](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(text)
    ? accepted(text)
    : refused(
        'is not a name: a lowercase letter, then lowercase letters, digits and hyphens, 32 at most',
      )
}
