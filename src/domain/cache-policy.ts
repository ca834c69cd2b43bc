/**
 * The Cache-Control of an answer that belongs to one signed-in user (ER-7): a cache between us and the browser
 * sees no Authorization and would serve it to the next one. `received` joins all of the upstream's, `''` if none.
 */
export function privateCacheControl(received: string): string {
  if (received.trim() === '') return 'private, no-store'
  const directives = directivesOf(received)
  const names = directives.map(nameOf)
  if (names.includes('no-store') || directives.some((one) => one.toLowerCase() === 'private')) {
    return isShared(names) ? withoutShared(directives).join(', ') : received
  }
  return ['private', ...withoutShared(directives)].join(', ')
}

/** Whether the upstream itself allows shared caches to keep the answer (RFC 9111 §3.5). */
export function allowsSharedCaches(cacheControl: string): boolean {
  const names = directivesOf(cacheControl).map(nameOf)
  return isShared(names) && !names.includes('private') && !names.includes('no-store')
}

/** A Vary that counts the cookie in; `*` says so already. */
export function varyByCookie(received: string): string {
  const names = received.split(',').map((name) => name.trim().toLowerCase())
  if (names.includes('*') || names.includes('cookie')) return received
  return received.trim() === '' ? 'Cookie' : `${received}, Cookie`
}

function isShared(names: readonly string[]): boolean {
  return names.includes('public') || names.includes('s-maxage')
}

function withoutShared(directives: readonly string[]): readonly string[] {
  return directives.filter((directive) => !isShared([nameOf(directive)]))
}

/** Split at commas outside quotes: `private="a, b"` is one. */
function directivesOf(cacheControl: string): readonly string[] {
  const found = cacheControl.match(/(?:[^,"]|"[^"]*"?)+/g) ?? []
  return found.map((directive) => directive.trim()).filter((directive) => directive !== '')
}

function nameOf(directive: string): string {
  return directive.split('=', 1)[0]!.trim().toLowerCase()
}
