import type { SessionEngine } from './session-engine.ts'

/**
 * The sessions of one provider: one that came from elsewhere is none here, whatever its ticket was renamed to, and its tokens
 * and hints are not for this provider to see (STANDARDS AT-4).
 */
export function sessionsOfIssuer(sessions: SessionEngine, issuer: string): SessionEngine {
  return {
    ...sessions,
    peek: (ticket) => {
      const session = sessions.peek(ticket)
      return session?.record.issuer === issuer ? session : undefined
    },
    find: async (ticket, use) => {
      const found = await sessions.find(ticket, use)
      return found !== undefined && 'record' in found && found.record.issuer !== issuer
        ? undefined
        : found
    },
    end: async (ticket, reason) => {
      const record = await sessions.end(ticket, reason)
      return record?.issuer === issuer ? record : undefined
    },
  }
}
