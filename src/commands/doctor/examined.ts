import { onDeadline } from '../../domain/deadline.ts'
import { evidence } from '../../telemetry/evidence.ts'
import { printable } from '../../telemetry/printable.ts'
import { failure, type Examination, type Finding } from './finding.ts'

/** An examination with what it found, until its end or the deadline. */
export interface Examined {
  readonly subject: string
  readonly findings: readonly Finding[]
}

export interface ExaminedOptions {
  readonly withinMs: number
  /** Told apart from a failure: somebody had enough of waiting. */
  readonly signal?: AbortSignal
  /** Values that no finding may show, should anybody repeat them to us. */
  readonly secrets: readonly string[]
}

const LONGEST_TEXT = 500
const SHORTEST_SECRET = 6 // less would black out ordinary words

/** Examines, never longer than the deadline; what came until then counts. Never throws. */
export function examined(
  { subject, examine }: Examination,
  { withinMs, signal, secrets }: ExaminedOptions,
): Promise<Examined> {
  return new Promise((resolve) => {
    const findings: Finding[] = []
    let isOver = false
    const tell = (finding: Finding): void => {
      if (!isOver) findings.push(shown(finding, secrets))
    }
    const end = (): void => {
      isOver = true
      cancel()
      signal?.removeEventListener('abort', stop)
      resolve({ subject, findings })
    }
    const endWith = (found: string, advice: string): void => {
      tell(failure('unfinished', found, advice))
      end()
    }
    const stop = (): void => endWith('doctor was interrupted here', 'run it again')
    const cancel = onDeadline(withinMs, () =>
      endWith(
        `no end within ${withinMs} ms`,
        'something there answers too slowly, or not at all: what is missing here was not tried',
      ),
    )
    signal?.addEventListener('abort', stop)
    if (signal?.aborted === true) return stop()
    examine(tell).then(end, (cause: unknown) =>
      endWith(causeText(cause), 'please report this: doctor did not expect it'),
    )
  })
}

function causeText(cause: unknown): string {
  return evidence(cause)
    .map(({ name, code, message }) => message ?? code ?? name)
    .join(': ')
}

function shown({ found, advice, ...rest }: Finding, secrets: readonly string[]): Finding {
  const clean = (text: string) => printable(withoutSecrets(text, secrets), LONGEST_TEXT)
  return {
    ...rest,
    found: clean(found),
    ...(advice === undefined ? {} : { advice: clean(advice) }),
  }
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter(({ length }) => length >= SHORTEST_SECRET)
    .reduce((left, secret) => left.replaceAll(secret, '[masked]'), text)
}
