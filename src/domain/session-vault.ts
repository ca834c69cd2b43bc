import type { SessionRecord, Ticket } from './session-record.ts'

/**
 * Turns what a browser carries into what a store may see: names become hashes, records are sealed
 * under the ticket's own key, so that a stolen store reads as noise.
 */
export interface Vault {
  /** Where the store files the session of this ticket. */
  storeKey(ticketId: string): string
  /** Where the store files all sessions of one `sid` or one subject of an issuer. */
  indexKey(kind: 'sid' | 'sub', issuer: string, value: string): string
  /** Where the store remembers that the login with this state was completed. */
  transactionKey(state: string): string
  /** Where the store remembers that this logout token was carried out. */
  logoutTokenKey(issuer: string, jti: string): string
  /** Sealed for exactly this ticket and this version of the stored session. */
  seal(ticket: Ticket, version: number, record: SessionRecord): Uint8Array
  /** `undefined` when it was sealed for another ticket or version, in another format, or damaged. */
  open(ticket: Ticket, version: number, sealed: Uint8Array): SessionRecord | undefined
}
