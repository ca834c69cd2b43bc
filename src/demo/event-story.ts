import type { GatewayEvent, LogoutKind, RequestFinished } from '../domain/events.ts'

/** An event as a line somebody watching the demo understands; `undefined` for what only logs need. */
export function eventStory(event: GatewayEvent): string | undefined {
  switch (event.type) {
    case 'request_finished':
      return requestStory(event)
    case 'login_started':
      return 'sign-in started: the browser goes to the provider'
    case 'login_succeeded':
      return `signed in: ${event.subject}; tokens are kept here, the browser got a ticket`
    case 'login_failed':
      return `sign-in failed: ${event.reason}`
    case 'logout':
      return `signed out: ${event.subject ?? 'somebody'}${WHO_ASKED[event.kind]}`
    case 'refresh_succeeded':
      return `access token of ${event.subject} refreshed in ${event.durationMs.toFixed(0)} ms`
    case 'refresh_rejected':
      return `the provider refused to refresh the token of ${event.subject}: session over`
    case 'cross_site_blocked':
      return `refused, another site asked: ${event.reason}`
    case 'provider_ready':
      return `provider found: ${event.issuer}`
    case 'provider_unavailable':
      return `the provider does not answer, next try in ${event.retryInMs} ms`
    default:
      return undefined
  }
}

function requestStory({ method, path, status, reason, durationMs }: RequestFinished): string {
  const why = reason === undefined ? '' : `  ${reason}`
  return `${method.padEnd(4)} ${path}  ${status}${why}  ${durationMs.toFixed(0)} ms`
}

const WHO_ASKED: Readonly<Record<LogoutKind, string>> = {
  user: '',
  backchannel: ', as the provider said',
  frontchannel: ', as the provider said through the browser',
  operator: ', as an operator said',
}
