// C0, DEL, C1, and the characters that reorder or hide text: raw they could forge a line on a terminal.
const UNPRINTABLE =
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for (OB-5)
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g
// oxlint-disable-next-line no-control-regex -- the same set, without the state of a global expression
const HAS_UNPRINTABLE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/

/**
 * The text as one line that is safe to show raw, also after a JSON reader has unescaped it: control
 * and bidirectional characters become `\x1b`-like escapes (OB-5). Cut at `maxLength` characters.
 */
export function printable(text: string, maxLength: number): string {
  const escaped = HAS_UNPRINTABLE.test(text)
    ? text.slice(0, maxLength).replace(UNPRINTABLE, escapeCharacter)
    : text
  return text.length > maxLength || escaped.length > maxLength
    ? `${escaped.slice(0, maxLength)}…`
    : escaped
}

function escapeCharacter(character: string): string {
  const hex = character.charCodeAt(0).toString(16)
  return hex.length > 2 ? `\\u${hex.padStart(4, '0')}` : `\\x${hex.padStart(2, '0')}`
}
