import type { FastifyInstance } from 'fastify'

/** Bodies in this scope are text, whatever their label says; a larger one is refused. */
export function takeTextBodies(scope: FastifyInstance, maxBytes: number): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(
    '*',
    { parseAs: 'string', bodyLimit: maxBytes },
    (_request, body, done) => done(null, body),
  )
}
