import { hkdfSync } from 'node:crypto'
import { createPseudonyms } from '../../../src/telemetry/pseudonym.ts'
import type { Incarnation } from './gateway-place.ts'

/** What gateways say of their own refreshes. */
export interface GatewayLog {
  /** How the refreshes of this user ended in this time, as the process tells it. */
  refreshes(incarnation: Incarnation, subject: string, span: LogSpan): string[]
}

/** Of `performance.now()`. */
export interface LogSpan {
  readonly fromMs: number
  readonly toMs: number
}

/** @param secret the `session.secrets` entry that writes; logs name users by a hash under it */
export function createGatewayLog(secret: Uint8Array): GatewayLog {
  const key = hkdfSync('sha256', secret, '', 'bearergate log pseudonym 1', 32)
  const pseudonym = createPseudonyms(new Uint8Array(key))
  return {
    refreshes({ running }, subject, { fromMs, toMs }) {
      const hash = pseudonym(subject)
      return running
        .logText()
        .split('\n')
        .filter((line) => line.includes('"event":"refresh_') && line.includes(hash))
        .map((line) => JSON.parse(line) as { event: string; time: string })
        .filter(({ time }) => {
          const atMs = Date.parse(time) - performance.timeOrigin
          return atMs >= fromMs && atMs <= toMs
        })
        .map(({ event }) => event)
    },
  }
}
