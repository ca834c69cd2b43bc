import { GatewayError } from '../domain/gateway-error.ts'
import type { Entrance } from '../http/entrance.ts'

/**
 * The query of a request to one of our endpoints.
 *
 * @throws GatewayError parameter_refused: a name is repeated; values are never joined, nor is one
 * of them picked (STANDARDS AZ-10, CB-4)
 */
export function queryParameters(entrance: Entrance): URLSearchParams {
  const parameters = new URLSearchParams(entrance.target?.query)
  if (new Set(parameters.keys()).size !== parameters.size) {
    throw new GatewayError('parameter_refused', 'a parameter is repeated')
  }
  return parameters
}
