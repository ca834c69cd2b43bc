import { parseArgs } from 'node:util'

/** What to soak, and for how long. */
export interface SoakPlan {
  readonly seconds: number
  readonly seed: number
  readonly users: number
  /** Of one user, a second. */
  readonly requestsPerSecond: number
  readonly store: 'redis' | 'file'
  /** Nothing but disturbances of this kind. */
  readonly only: string | undefined
  /** Processes on one listener. */
  readonly workers: number
}

/** @throws Error an option that is not known */
export function parseSoakArguments(args: readonly string[]): SoakPlan {
  const text = (value: string) => ({ type: 'string', default: value }) as const
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: text('300'),
      seed: text('1'),
      users: text('30'),
      rate: text('5'),
      store: text('redis'),
      workers: text('1'),
      only: { type: 'string' },
    },
  })
  return {
    seconds: Number(values.seconds),
    seed: Number(values.seed),
    users: Number(values.users),
    requestsPerSecond: Number(values.rate),
    only: values.only,
    store: values.store === 'file' ? 'file' : 'redis',
    workers: Number(values.workers),
  }
}
