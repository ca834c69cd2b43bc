import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import type { CookieSeal } from '../http/cookie-seal.ts'
import { CALLBACK_PATH } from '../http/own-endpoint-table.ts'
import {
  backchannelLogoutEndpoint,
  type BackchannelLogoutOptions,
} from './backchannel-logout-endpoint.ts'
import { callbackEndpoint, type CallbackEndpointOptions } from './callback-endpoint.ts'
import { formEndpoint, type FormEndpointOptions } from './form-endpoint.ts'
import {
  frontchannelLogoutEndpoint,
  type FrontchannelLogoutOptions,
} from './frontchannel-logout-endpoint.ts'
import { jwksEndpoint, type JwksEndpointOptions } from './jwks-endpoint.ts'
import { loginEndpoint, type LoginEndpointOptions } from './login-endpoint.ts'
import { logoutCallbackEndpoint, type LogoutCallbackOptions } from './logout-callback-endpoint.ts'
import {
  logoutEndpoint,
  logoutLinkEndpoint,
  type LogoutEndpointOptions,
} from './logout-endpoint.ts'
import { createLogoutState } from './logout-state.ts'
import {
  sessionEndpoint,
  sessionRefreshEndpoint,
  type SessionEndpointOptions,
} from './session-endpoint.ts'
import { sessionEventsEndpoint, type SessionEventsOptions } from './session-events-endpoint.ts'

export type OwnEndpointsOptions = BackchannelLogoutOptions &
  CallbackEndpointOptions &
  FormEndpointOptions &
  FrontchannelLogoutOptions &
  JwksEndpointOptions &
  LoginEndpointOptions &
  Omit<LogoutCallbackOptions, 'logoutState'> &
  Omit<LogoutEndpointOptions, 'logoutState'> &
  SessionEndpointOptions &
  SessionEventsOptions & { readonly seal: CookieSeal }

/** The gateway's own HTTP surface below `/oauth2`. The door lets nothing else in there through. */
export const ownEndpoints: FastifyPluginAsync<OwnEndpointsOptions> = async (app, options) => {
  await app.register(browserEndpoints, options)
  await app.register(backchannelLogoutEndpoint, options)
  await app.register(formEndpoint, options)
}

const browserEndpoints: FastifyPluginAsync<OwnEndpointsOptions> = async (app, options) => {
  const logoutState = createLogoutState(options.seal)
  readNoBodies(app)
  app.get('/oauth2/login', loginEndpoint(options))
  const callback = callbackEndpoint(options)
  const callbackPaths = options.entries.map(({ callbackPath }) => callbackPath)
  for (const path of new Set([CALLBACK_PATH, ...callbackPaths])) app.get(path, callback)
  app.get('/oauth2/logout', logoutLinkEndpoint({ ...options, logoutState }))
  app.post('/oauth2/logout', logoutEndpoint({ ...options, logoutState }))
  app.get('/oauth2/logout/callback', logoutCallbackEndpoint({ ...options, logoutState }))
  app.get('/oauth2/session', sessionEndpoint(options))
  app.post('/oauth2/session/refresh', sessionRefreshEndpoint(options))
  app.get('/oauth2/session/events', sessionEventsEndpoint(options))
  app.get('/oauth2/frontchannel-logout', frontchannelLogoutEndpoint(options))
  app.get('/oauth2/jwks', jwksEndpoint(options))
}

/** Nothing we are asked here is in a body, so that no content type matters, not even a malformed one (STANDARDS CS-10). */
function readNoBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.addHook('onRequest', async ({ headers }) => {
    if (headers['content-type'] !== undefined) headers['content-type'] = 'application/octet-stream'
  })
}
