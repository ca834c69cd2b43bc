import type { Emit } from '../domain/events.ts'
import type { Route } from '../domain/route.ts'

/** Tells of configured headers that were not sent because they are too long. */
export function warnOfLostHeaders(
  { emit, route }: { readonly emit: Emit; readonly route: Route },
  names: readonly string[],
): void {
  const message = `${route.id}: left out because the value is over 4 KiB: ${names.join(', ')}`
  emit({ type: 'warning', code: 'header_too_long', message })
}
