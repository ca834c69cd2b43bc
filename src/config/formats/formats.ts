import type { FileReader } from '../file-reader.ts'
import { parseClaimName } from './claim-path.ts'
import { parseFieldName, parseHeaderName, parseHeaderText, parseMethod } from './header.ts'
import { parseAddressRange, parseListenHost, parseRouteHost, parseServerName } from './network.ts'
import {
  parseAuthorizationParameter,
  parseLoginParameter,
  parseScope,
  parseScopeToken,
} from './oauth-word.ts'
import type { Parsed } from './parsed.ts'
import { parseProviderName } from './provider-name.ts'
import { parseCertificateFile, parsePrivateKeyFile } from './pem-file.ts'
import { parseDuration, parseSize, type Bounds } from './quantity.ts'
import { parseRedisKeyPrefix, parseRedisServer, parseRedisUrl } from './redis-address.ts'
import { parseLocalPath, parseRoutePath, parseStripPrefix } from './route-path.ts'
import { parseSecretKey } from './secret-key.ts'
import { parseSigningKey } from './signing-key.ts'
import { parseCredential, parseLine } from './text.ts'
import { parseUpstream } from './upstream-address.ts'
import {
  parseHttpUrl,
  parseIssuer,
  parseOrigin,
  parsePublicUrl,
  parseResource,
  parseSingleResource,
} from './web-address.ts'

/** What a parser may look at beside the text. */
export interface FormatContext {
  readonly bounds: Bounds
  readonly readFile: FileReader
}

type FormatParser = (text: string, context: FormatContext) => Parsed<unknown>

/** Every kind of text the configuration knows, and how it becomes a value. */
export const FORMATS = {
  line: parseLine,
  credential: parseCredential,
  duration: (text, { bounds }) => parseDuration(text, bounds),
  size: (text, { bounds }) => parseSize(text, bounds),
  'public-url': parsePublicUrl,
  'http-url': parseHttpUrl,
  issuer: parseIssuer,
  'provider-name': parseProviderName,
  origin: parseOrigin,
  resource: parseResource,
  'single-resource': parseSingleResource,
  'listen-host': parseListenHost,
  'address-range': parseAddressRange,
  'route-host': parseRouteHost,
  'server-name': parseServerName,
  'route-path': parseRoutePath,
  'strip-prefix': parseStripPrefix,
  'local-path': parseLocalPath,
  upstream: parseUpstream,
  method: parseMethod,
  'header-name': parseHeaderName,
  'field-name': parseFieldName,
  'header-value': parseHeaderText,
  'claim-name': parseClaimName,
  scope: parseScope,
  'scope-token': parseScopeToken,
  'authorization-parameter': parseAuthorizationParameter,
  'login-parameter': parseLoginParameter,
  'secret-key': parseSecretKey,
  'signing-key': parseSigningKey,
  'redis-url': parseRedisUrl,
  'redis-server': parseRedisServer,
  'redis-key-prefix': parseRedisKeyPrefix,
  'certificate-file': (text, { readFile }) => parseCertificateFile(text, readFile),
  'private-key-file': (text, { readFile }) => parsePrivateKeyFile(text, readFile),
} satisfies Readonly<Record<string, FormatParser>>

export type FormatName = keyof typeof FORMATS
