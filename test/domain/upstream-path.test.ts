import t from 'tap'
import { canonicalTarget } from '../../src/domain/canonical-target.ts'
import { upstreamPath } from '../../src/domain/upstream-path.ts'
import { sampleRoute } from '../support/sample-route.ts'

const CASES = [
  // path, stripPrefix, basePath, target, sent upstream
  ['/*', undefined, '', '/a%2Fb//c;v=1?x=%20+', '/a%2Fb//c;v=1?x=%20+'],
  ['/*', undefined, '', '/', '/'],
  ['/*', undefined, '/base', '/', '/base/'],
  ['/*', undefined, '/base', '/x?y', '/base/x?y'],
  ['/api/*', '/api', '', '/api', '/'],
  ['/api/*', '/api', '', '/api?x', '/?x'],
  ['/api/*', '/api', '', '/api/', '/'],
  ['/api/*', '/api', '', '/api/x', '/x'],
  ['/api/*', '/api', '/base', '/api', '/base'],
  ['/api/*', '/api', '/base', '/api/x', '/base/x'],
  ['/api/v1/*', '/api', '', '/api/v1/x', '/v1/x'],
  ['/*', '/api', '', '/apis/x', '/apis/x'],
  ['/api/*', '/api', '', '/api//evil.example/x', undefined],
  ['/api/*', '/api', '', '/api/%2fevil.example/x', undefined],
  ['/api/*', '/api', '', '/api/%2Fevil.example/x', undefined],
  ['/api/*', '/api', '/base', '/api//x', undefined],
  ['/api/*', '/api', '', '/api/;/evil.example/x', undefined],
  ['/api/*', '/api', '', '/api;v=1/x', '/api;v=1/x'],
] as const

for (const [path, stripPrefix, basePath, target, expected] of CASES) {
  t.test(`HX-10 HX-36 ${target} on ${path} less ${stripPrefix} below "${basePath}"`, async (t) => {
    const route = sampleRoute(path, {
      upstream: { origin: 'http://orders.internal', basePath },
      ...(stripPrefix !== undefined && { stripPrefix }),
    })
    const canonical = canonicalTarget(target)
    t.equal(canonical && upstreamPath(route, canonical), expected)
  })
}
