/** Where providers send browsers back to, unless one has a callback of its own below it. */
export const CALLBACK_PATH = '/oauth2/callback'

/** Our own endpoints and the methods each answers. Everything else below `/oauth2` is 404. */
export const OWN_ENDPOINTS: ReadonlyMap<string, readonly string[]> = new Map([
  ['/oauth2/login', ['GET']], // no HEAD: it must start no login (STANDARDS AZ-13)
  [CALLBACK_PATH, ['GET']], // no HEAD: a link scanner must not spend a login (AT-44)
  ['/oauth2/logout', ['GET', 'POST']],
  ['/oauth2/logout/callback', ['GET', 'HEAD']],
  ['/oauth2/form', ['GET', 'HEAD', 'POST']],
  ['/oauth2/session', ['GET', 'HEAD']],
  ['/oauth2/session/refresh', ['POST']],
  ['/oauth2/session/events', ['GET']],
  ['/oauth2/backchannel-logout', ['POST']],
  ['/oauth2/frontchannel-logout', ['GET']],
  ['/oauth2/jwks', ['GET', 'HEAD']],
  // /oauth2/verify, any method, where forwardAuth is configured: the door knows it by itself.
])

/** True for `/oauth2` and everything below it, in any case: that space is never proxied (STANDARDS CB-15). */
export function isOwnSpace(path: string): boolean {
  if (path.length > 7 && path[7] !== '/') return false
  return path.slice(0, 7).toLowerCase() === '/oauth2'
}
