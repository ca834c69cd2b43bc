import type { Route } from '../../src/domain/route.ts'

/** A route as `path` writes it in the config (`/x` or `/x/*`), with every default, changed by `overrides`. */
export function sampleRoute(path: string, overrides: Partial<Route> = {}): Route {
  const isPrefix = path.endsWith('/*')
  return {
    id: path,
    path: { kind: isPrefix ? 'prefix' : 'exact', path: isPrefix ? path.slice(0, -2) : path },
    upstream: { origin: 'http://orders.internal:3000', basePath: '' },
    access: 'required',
    providers: [''],
    unauthenticated: 'auto',
    token: { via: 'login' },
    credentials: { session: true },
    headers: { set: [], remove: [] },
    csrf: true,
    websocket: false,
    timeouts: { connectMs: 5_000, headersMs: 30_000, idleMs: 60_000 },
    maxBodyBytes: 10 * 1024 * 1024,
    cacheable: false,
    replayForm: false,
    hostHeader: 'upstream',
    ...overrides,
  }
}
