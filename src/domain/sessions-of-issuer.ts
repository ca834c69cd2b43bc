import type { SessionEngine } from './session-engine.ts'

/**
 * The sessions of one provider: a ticket for a session that came from elsewhere is none here, whatever it was
 * renamed to (STANDARDS AT-4).
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
  }
}
