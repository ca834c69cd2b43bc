import type { FormatName } from '../formats/formats.ts'
import type { SchemaNode } from '../schema/schema-parts.ts'

/** What a reader is told to write for each kind of text. */
const FORMAT_WORDS: Readonly<Record<FormatName, string>> = {
  line: 'text',
  credential: 'text',
  duration: 'duration',
  size: 'size',
  'public-url': 'URL without path',
  'http-url': 'URL',
  issuer: 'URL',
  'provider-name': 'name (`a-z`, digits, hyphens)',
  origin: 'origin (`https://host[:port]`)',
  resource: 'URI',
  'single-resource': 'URI',
  'listen-host': 'address',
  'address-range': 'address range (`10.0.0.0/8`)',
  'route-host': 'host name',
  'server-name': 'host name',
  'route-path': 'path, `/x` or `/x/*`',
  'strip-prefix': 'path',
  'local-path': 'path',
  upstream: '`http(s)://host:port[/base]` or `unix:/path`, or `none`',
  method: 'method',
  'header-name': 'header name',
  'field-name': 'header name',
  'header-value': 'text with `${claims.…}`',
  'claim-name': 'claim name',
  scope: 'text',
  'scope-token': 'word',
  'authorization-parameter': 'parameter name',
  'login-parameter': 'parameter name',
  'secret-key': '32 random bytes, base64 or hex',
  'signing-key': 'private key, PEM or JWK',
  'redis-url': '`redis[s]://[user:password@]host[:port][/database]`',
  'redis-server': '`host:port`',
  'redis-key-prefix': 'text',
  'certificate-file': 'path of a PEM file',
  'private-key-file': 'path of a PEM file',
}

/** What may be written for a key, in Markdown: `duration, 1s to 400d`. */
export function allowedWords(node: SchemaNode): string {
  if (node.anyOf !== undefined) return node.anyOf.map(allowedWords).join(', or ')
  if (node.enum !== undefined) return node.enum.map((word) => `\`${word}\``).join(' | ')
  if (node.type === 'array') return `list of: ${allowedWords(node.items ?? {})}`
  if (node.type === 'object') return mapWords(node)
  if (node.type === 'scalar') return 'text, number, `true` | `false`'
  if (node.type === 'boolean') return '`true` | `false`'
  if (node.type === 'integer') return `whole number, ${node.minimum ?? 0} to ${node.maximum ?? ''}`
  const words = FORMAT_WORDS[node.format ?? 'line']
  return node.atMost === undefined ? words : `${words}, ${node.atLeast} to ${node.atMost}`
}

function mapWords({ properties, names, additionalProperties }: SchemaNode): string {
  if (properties !== undefined)
    return `map with ${Object.keys(properties)
      .map((key) => `\`${key}\``)
      .join(', ')}`
  const value =
    typeof additionalProperties === 'object' ? allowedWords(additionalProperties) : 'text'
  return `map of ${FORMAT_WORDS[names ?? 'line']}: ${value}`
}
