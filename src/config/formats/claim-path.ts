import { accepted, refused, type Parsed } from './parsed.ts'

const STEP = /^(?:\.?([A-Za-z0-9_-]+)|\["([^"\\\p{Cc}]+)"\]|\['([^'\\\p{Cc}]+)'\])/u
const WHOLE = /^[^\s"'[\]{}\p{Cc}]*[:/][^\s"'[\]{}\p{Cc}]*$/u

/** Checks the name of a claim; see `claimPath`. */
export function parseClaimName(text: string): Parsed<string> {
  return claimPath(text) === undefined
    ? refused(
        'does not name a claim: write email, address.country, https://acme.example/roles or ["a.b"].c',
      )
    : accepted(text)
}

/**
 * Where a claim is: dots lead into objects, brackets hold a name with dots of its own, and a name with `:` or `/`, such as a
 * URL, is one name. `undefined` when the text names none.
 */
export function claimPath(text: string): readonly string[] | undefined {
  if (WHOLE.test(text)) return [text]
  const path: string[] = []
  let rest = text
  while (rest !== '') {
    const step = STEP.exec(rest)
    const name = step?.[1] ?? step?.[2] ?? step?.[3]
    if (step === null || name === undefined || name === '__proto__') return undefined
    if (step[0].startsWith('.') === (path.length === 0) && !step[0].startsWith('['))
      return undefined
    path.push(name)
    rest = rest.slice(step[0].length)
  }
  return path.length === 0 ? undefined : path
}
