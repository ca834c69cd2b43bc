import type { ErrorCode, YAMLError } from 'yaml'

/**
 * What a syntax error means, in our words: the library's own texts quote the file, and the file may
 * hold a secret.
 */
export function syntaxProblem(error: YAMLError, text: string): string {
  const start = text.lastIndexOf('\n', error.pos[0] - 1) + 1
  const line = text.slice(start).split('\n', 1)[0] ?? ''
  const hint = /[[{,][^"'\]}]*\$\{/.test(line)
    ? '; inside [ ] and { } a ${NAME} must be quoted: "${NAME}"'
    : ''
  // To the library a line between two levels lacks the beginning of an entry.
  const isBetweenLevels = error.pos[0] === start && /^ +\S/.test(line)
  const code = error.code === 'MISSING_CHAR' && isBetweenLevels ? 'BAD_INDENT' : error.code
  return `${MEANING[code] ?? 'this is not valid YAML'}${hint}`
}

const MEANING: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: 'this is not a usable alias: an anchor must stand before it, and *name must be plain',
  ALIAS_PROPS: 'an alias cannot have an anchor or tag of its own',
  BAD_DIRECTIVE: 'this is not a usable % directive: none is needed',
  BAD_DQ_ESCAPE: 'this is not an escape that double quotes know: use single quotes or write \\\\',
  BAD_INDENT:
    'this is indented differently from its neighbours, or a [ or { before it is not closed',
  BAD_SCALAR_START: 'text cannot start with this character: quote it',
  BLOCK_AS_IMPLICIT_KEY:
    'a value holds ": " and must be quoted, or the line below is indented too far',
  BLOCK_IN_FLOW: 'inside [ ] and { } only the short notation is allowed',
  KEY_OVER_1024_CHARS: 'a key is longer than 1024 characters',
  MISSING_CHAR:
    'a character is missing here: a closing quote or bracket, a comma, or a space after ":"',
  MULTILINE_IMPLICIT_KEY:
    'a key goes over several lines: a ":" is missing, or a quote is not closed',
  MULTIPLE_DOCS: 'a second document starts here: one file holds one configuration',
  RESOURCE_EXHAUSTION: 'the file is nested too deeply to be read',
  TAB_AS_INDENT: 'this is indented with a tab: YAML allows spaces only',
  UNEXPECTED_TOKEN: 'this does not belong here: check quotes, brackets and indentation before it',
}
