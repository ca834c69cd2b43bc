import type { BoundedFetch } from './bounded-fetch.ts'

/**
 * The same fetch, which also compares the `Date` of each answer (RFC 9110 §6.6.1) with our clock and
 * tells when they are further apart than `toleranceMs`, before logins fail for it. Answers out of a cache say nothing.
 */
export function watchingClockSkew(
  fetch: BoundedFetch,
  toleranceMs: number,
  onSkew: (message: string) => void,
): BoundedFetch {
  return async (url, request) => {
    const startedAtMs = Date.now()
    const answer = await fetch(url, request)
    const skewMs = clockSkewMs(answer.headers, startedAtMs, Date.now())
    if (Math.abs(skewMs) > toleranceMs) onSkew(description(skewMs))
    return answer
  }
}

/** How far our clock is ahead of whoever dated the answer, at least; 0 when it cannot be told. */
function clockSkewMs(headers: Headers, startedAtMs: number, endedAtMs: number): number {
  const dateMs = Date.parse(headers.get('date') ?? '')
  if (Number.isNaN(dateMs) || headers.has('age')) return 0
  // It was written some time in between, and is cut to whole seconds.
  if (dateMs > endedAtMs) return endedAtMs - dateMs
  return Math.max(0, startedAtMs - (dateMs + 999))
}

function description(skewMs: number): string {
  const seconds = Math.round(Math.abs(skewMs) / 1_000)
  const direction = skewMs > 0 ? 'ahead of' : 'behind'
  return `this machine's clock is ${seconds} s ${direction} the provider's: logins fail once it is beyond provider.clockTolerance; keep both on NTP`
}
