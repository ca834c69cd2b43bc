import type {
  FastifyError,
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
} from 'fastify'
import type { Emit } from '../domain/events.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import type { Reason } from '../domain/reason.ts'
import { entranceOf } from './entrance.ts'
import { plainHeaders, refuse } from './refusal.ts'
import { OPTIONS_URL, REFUSED_URL } from './internal-urls.ts'
import { FORWARDED_METHODS } from './target-door.ts'

const REASON_OF_STATUS: Readonly<Record<number, Reason>> = {
  400: 'request_malformed',
  408: 'request_timeout',
  413: 'body_too_large',
  414: 'uri_too_long',
  415: 'request_malformed', // only our own endpoints read bodies
  431: 'headers_too_large',
}

/**
 * The one place where failures become answers: whatever the door refused, whatever was thrown.
 * Call it on the root instance, so that every scope inherits it.
 */
export function answerRefusals(app: FastifyInstance, emit: Emit): void {
  app.setErrorHandler<FastifyError | GatewayError>((error, request, reply) => {
    const reason = reasonOf(error)
    const { requestId } = entranceOf(request.raw)
    if (reason === 'internal_error') emit({ type: 'internal_error', requestId, cause: error })
    return refuse(request, reply, reason, { cause: error })
  })

  void app.register(refusedAtTheDoor, { prefix: REFUSED_URL })
  app.setNotFoundHandler(refuseAtTheDoor)

  app.options(OPTIONS_URL, (request, reply) => {
    return reply
      .code(204)
      .headers(plainHeaders(entranceOf(request.raw)))
      .header('allow', FORWARDED_METHODS.join(', '))
      .send()
  })
}

/** Answers before any body is read; a not-found handler, because it is asked for every method there is. */
const refusedAtTheDoor: FastifyPluginAsync = async (scope) => {
  scope.addHook('onRequest', async (request, reply) => refuseAtTheDoor(request, reply))
  scope.setNotFoundHandler(refuseAtTheDoor)
}

function refuseAtTheDoor(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { refusal } = entranceOf(request.raw)
  const extra = refusal?.allow === undefined ? {} : { allow: refusal.allow }
  return refuse(request, reply, refusal?.reason ?? 'route_not_found', extra)
}

/** Why a request that failed with this is refused. */
export function reasonOf(error: FastifyError | GatewayError): Reason {
  if (error instanceof GatewayError) return error.reason
  return REASON_OF_STATUS[error.statusCode ?? 500] ?? 'internal_error'
}
