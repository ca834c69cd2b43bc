import type { Finding } from './located-node.ts'

/** Where a value stands: keys and list positions from the root. */
export type Path = readonly (string | number)[]

/** In messages: `routes[0].path`. */
export function nameOfPath(path: Path): string {
  return path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : at === 0 ? step : `.${step}`))
    .join('')
}

/** What is learnt of a file while it is decoded, by path. */
export class DecodeReport {
  readonly findings: Finding[] = []
  readonly #offsets = new Map<string, number>()
  readonly #concealed = new Set<string>()
  readonly #written = new Set<string>()

  setOffset(path: Path, offset: number): void {
    this.#offsets.set(keyOf(path), offset)
  }

  /** Place of a value, or of the nearest one around it that was written. */
  offsetOf(path: Path): number {
    const offset = this.#offsets.get(keyOf(path))
    if (offset !== undefined || path.length === 0) return offset ?? 0
    return this.offsetOf(path.slice(0, -1))
  }

  /** It is a secret, or something was put into it: no message may quote it. */
  conceal(path: Path): void {
    this.#concealed.add(keyOf(path))
  }

  mayShow(path: Path): boolean {
    return !this.#concealed.has(keyOf(path))
  }

  setWritten(path: Path): void {
    this.#written.add(keyOf(path))
  }

  /** It stands in the file; otherwise it is a default or absent. */
  isWritten(path: Path): boolean {
    return this.#written.has(keyOf(path))
  }

  /** Answers `undefined`, which is what becomes of a value with a problem. */
  say(offset: number, path: Path, message: string): undefined {
    this.findings.push({ offset, name: nameOfPath(path), message })
    return undefined
  }
}

function keyOf(path: Path): string {
  return JSON.stringify(path)
}
