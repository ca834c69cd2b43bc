/** One thing that doctor looked at, and what came of it. */
export interface Finding {
  readonly status: 'ok' | 'warn' | 'fail' | 'skip'
  /** What was looked at, in a word that stays: for machines. */
  readonly check: string
  /** What was found, in one line; never a secret. */
  readonly found: string
  /** What to do; with `warn` and `fail` always. */
  readonly advice?: string
}

/** Takes findings as they come. */
export type Tell = (finding: Finding) => void

/** Something to look at on its own, with what was found there. */
export interface Examination {
  /** Heading of its findings, such as `provider https://idp.example.com`. */
  readonly subject: string
  /** Tells what it finds; what it throws is told as a failure. Closes what it opened. */
  readonly examine: (tell: Tell) => Promise<void>
}

export function ok(check: string, found: string): Finding {
  return { status: 'ok', check, found }
}

/** Not looked at, or nothing that can be known from here. */
export function skipped(check: string, found: string): Finding {
  return { status: 'skip', check, found }
}

export function warning(check: string, found: string, advice: string): Finding {
  return { status: 'warn', check, found, advice }
}

export function failure(check: string, found: string, advice: string): Finding {
  return { status: 'fail', check, found, advice }
}
