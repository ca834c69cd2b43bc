/*
 * Where fastify finds the handlers that the door chose. No client can spell them: what clients write is never routed.
 */

export const REFUSED_URL = '/~refused'
export const OPTIONS_URL = '/~options'
/** Of all that is proxied, whatever the route. */
export const ROUTE_URL = '/~route/'
