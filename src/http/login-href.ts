/** A login link that comes back to a local path. */
export function loginHref(
  returnTo: string,
  parameters: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams(parameters)
  if (returnTo !== '/') query.set('return_to', returnTo)
  return query.size === 0 ? '/oauth2/login' : `/oauth2/login?${query}`
}

/** What a login link says of the provider: nothing where there is no choice. */
export function loginAtParameter(loginAt: string | undefined): Record<string, string> {
  return loginAt === undefined || loginAt === '' ? {} : { provider: loginAt }
}
