import { randomBytes } from 'node:crypto'

const WELL_FORMED = /^[A-Za-z0-9._-]{1,128}$/

/** Makes request ids: unique over restarts and replicas, cheap, not secret. */
export function createRequestIds(): () => string {
  const start = randomBytes(6).toString('hex')
  let count = 0
  return () => `${start}-${(++count).toString(36)}`
}

/** True for ids that may be taken over from a trusted peer (STANDARDS FW-9, AT-17). */
export function isRequestId(value: unknown): value is string {
  return typeof value === 'string' && WELL_FORMED.test(value)
}
