import type { Incarnation } from './gateway-place.ts'

const WRONG = [
  /"event":"internal_error"/,
  /"code":"session_unreadable"/, // a record that no ticket opens any more
]

/** What no log of a gateway may hold, and processes that ended by themselves. */
export function wrongLines(incarnations: readonly Incarnation[]): string[] {
  return incarnations.flatMap(({ id, running, killsMs }) => {
    const lines = running.logText().split('\n')
    const wrong = lines.filter((line) => WRONG.some((pattern) => pattern.test(line)))
    const { exitCode } = running.child
    const fell = exitCode === null ? [] : [`exited with ${exitCode}: ${running.errors()}`]
    const said = killsMs.length === 0 && running.errors() !== '' ? [running.errors()] : []
    return [...wrong, ...fell, ...said].map((what) => `${id}: ${what}`)
  })
}
