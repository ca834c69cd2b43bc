import t from 'tap'
import type { GatewayEvent } from '../../src/domain/events.ts'
import { eventStory } from '../../src/demo/event-story.ts'

const ACTOR = { requestId: 'r', clientAddress: '127.0.0.1' }
const WHO = { issuer: 'http://provider', subject: 'alice' }

const TOLD: readonly GatewayEvent[] = [
  {
    type: 'request_finished',
    ...ACTOR,
    method: 'GET',
    path: '/api/me',
    host: 'localhost',
    routeId: '/api/*',
    status: 401,
    durationMs: 1.4,
    reason: 'no_session',
  },
  { type: 'login_started', ...ACTOR },
  { type: 'login_succeeded', ...ACTOR, ...WHO },
  { type: 'login_failed', ...ACTOR, reason: 'login_refused' },
  { type: 'logout', kind: 'user', ...ACTOR, ...WHO },
  { type: 'logout', kind: 'backchannel', ...ACTOR },
  { type: 'refresh_succeeded', ...WHO, durationMs: 12, rotated: true },
  { type: 'refresh_rejected', ...WHO, providerError: 'invalid_grant' },
  { type: 'cross_site_blocked', ...ACTOR, reason: 'cross_site_refused' },
  { type: 'provider_ready', issuer: WHO.issuer, durationMs: 3 },
  { type: 'provider_unavailable', issuer: WHO.issuer, retryInMs: 500 },
]

for (const event of TOLD) {
  t.test(`whoever watches the demo is told of ${event.type}`, async (t) => {
    t.match(eventStory(event), /^[^\n]+$/, 'one line')
  })
}

t.test('what only logs need is not told', async (t) => {
  t.equal(eventStory({ type: 'revocation_succeeded' }), undefined)
})
