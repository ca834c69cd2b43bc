const MASK = '[masked]'
const URL_USER = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"'<>]*@/gi
const URL_QUERY = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi
const CREDENTIALS = /\b(bearer|basic|dpop)\s+[^\s,;"']+/gi
const NAMED_VALUE =
  /\b(code|state|nonce|cookie|password|secret|assertion|[a-z_]*token|[a-z_]*verifier|client_secret|id_token_hint)(["']?\s*[=:]\s*["']?)[^\s&;,"']+/gi
const LONG_WORD = /[A-Za-z0-9_-]{24,}/g

/**
 * A text from a library, a provider or an upstream without anything that may be a secret: queries
 * and user information of URLs, credentials, named values, and long words that look random
 * (TK-16). Host names, error codes and ordinary words stay readable.
 */
export function maskSecrets(text: string): string {
  return text
    .replace(URL_USER, `$1${MASK}@`)
    .replace(URL_QUERY, `$1?${MASK}`)
    .replace(CREDENTIALS, `$1 ${MASK}`)
    .replace(NAMED_VALUE, `$1$2${MASK}`)
    .replace(LONG_WORD, (word) => (looksRandom(word) ? MASK : word))
}

function looksRandom(word: string): boolean {
  if (/^[0-9a-f]{32,}$/i.test(word)) return true
  return /[a-z]/.test(word) && /[A-Z]/.test(word) && /[0-9]/.test(word)
}
