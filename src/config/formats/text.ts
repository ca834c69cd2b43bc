import { accepted, refused, type Parsed } from './parsed.ts'

/** Any single line of text that is not empty. */
export function parseLine(text: string): Parsed<string> {
  if (text === '') return refused('is empty')
  if (/\p{Cc}/u.test(text)) return refused('has a line break or another control character')
  return text.trim() === text ? accepted(text) : refused('begins or ends with a space')
}

/** A client id or secret, but no obvious placeholder. */
export function parseCredential(text: string): Parsed<string> {
  const line = parseLine(text)
  if ('wrong' in line) return line
  if (SHELL_VARIABLE.test(text))
    return refused('is the name of a variable: write ${NAME} to have its value')
  return PLACEHOLDER.test(text)
    ? refused('is a placeholder: give the value that the provider shows for this client')
    : line
}

/** As shells write it: no real secret looks like this. */
const SHELL_VARIABLE = /^\$[A-Z_][A-Z0-9_]{2,}$/
const PLACEHOLDER = /^(change[-_ ]?me|todo|xxx+|your[-_ ].*|<.*>|\.\.\.)$/i
