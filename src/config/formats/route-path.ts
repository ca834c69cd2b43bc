import type { RoutePath } from '../../domain/route.ts'
import { accepted, refused, type Parsed } from './parsed.ts'

/** What needs no encoding in a path (RFC 3986 §3.3), without `;` and `*`. */
const PLAIN_PATH = /^[A-Za-z0-9\-._~!$&'()+,=:@/]*$/

const OURS = /^\/oauth2(?:[/?]|$)/i

/** `/x` exactly, or `/x/*` for `/x` and everything below. */
export function parseRoutePath(text: string): Parsed<RoutePath> {
  const isPrefix = text.endsWith('/*')
  const path = isPrefix ? text.slice(0, -2) : text
  const wrong = pathProblem(path, isPrefix)
  if (wrong !== undefined) return refused(wrong)
  if (OURS.test(path)) {
    return refused('is inside /oauth2, which belongs to the gateway and is never proxied')
  }
  return accepted({ kind: isPrefix ? 'prefix' : 'exact', path })
}

/** A path prefix to cut off: no slash at its end. */
export function parseStripPrefix(text: string): Parsed<string> {
  if (text === '/' || text.endsWith('/')) return refused('must not end in a slash: write /api')
  const wrong = pathProblem(text, false)
  return wrong === undefined ? accepted(text) : refused(wrong)
}

/** A path of our own origin to send the browser to. */
export function parseLocalPath(text: string): Parsed<string> {
  if (!/^\/(?![/\\])[\u0021-\u005b\u005d-\u007e]*$/.test(text) || text.includes('#')) {
    return refused('is not a local path: allowed is /path[?query]')
  }
  if (OURS.test(text)) return refused('is inside /oauth2, which belongs to the gateway')
  return accepted(text)
}

function pathProblem(path: string, isPrefix: boolean): string | undefined {
  if (path.includes('*'))
    return 'has a * in the wrong place: allowed are /x for one path and /x/* for everything below'
  if (!path.startsWith('/') && !(isPrefix && path === ''))
    return 'must start with a slash: /x or /x/*'
  if (path.includes('?') || path.includes('#'))
    return 'must not have a query or fragment: routes are chosen by path only'
  if (path.includes('//') || (isPrefix && path.endsWith('/')))
    return 'must not have an empty segment (//)'
  if (path.split('/').some((segment) => /^\.{1,2}$/.test(segment)))
    return 'must not have . or .. as a segment'
  if (!PLAIN_PATH.test(path)) {
    return "has a character that upstreams read in different ways: allowed are letters, digits and - . _ ~ ! $ & ' ( ) + , = : @ /; use /x/* above it"
  }
  return undefined
}
