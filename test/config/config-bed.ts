import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, formatDiagnostic } from '../../src/config/config-error.ts'
import { parseConfig, type LoadedConfig } from '../../src/config/load-config.ts'

/** The repository, from the folder that holds the compiled test. */
export const ROOT = join(import.meta.dirname, '../../..')
export const FIXTURES = join(ROOT, 'test/config/fixtures')

/** 32 bytes from a random generator: any will do, but golden files need the same every time. */
export const SECRET = 'q6Xf0gm3Yl8nJt0Rr2Zr4mCk5bVJ1u9s7Hq2wPzDx0E='
export const CLIENT_SECRET = 'canary-client-secret-7f3a'

export const ENV: Readonly<Record<string, string>> = {
  SESSION_SECRET: SECRET,
  OIDC_CLIENT_ID: 'gateway',
  OIDC_CLIENT_SECRET: CLIENT_SECRET,
  PORT: '8443',
  TRUE: 'true',
  EMPTY: '',
  CANARY: 'canary-value-91c2',
}

const FILES: Readonly<Record<string, string>> = {
  '/run/secrets/oidc_client_secret': `${CLIENT_SECRET}\n`,
  '/run/secrets/forward_auth_key': `${SECRET}\n`,
  '/run/secrets/identity_key.pem': fixture('server.key'),
  '/run/secrets/empty': '\n',
  'server.crt': fixture('server.crt'),
  'server.key': fixture('server.key'),
  'other.key': fixture('other.key'),
  'notes.txt': 'nothing of use',
}

/** Parses with the environment and files above; nothing of the machine is read. */
export function parse(text: string): LoadedConfig {
  return parseConfig(text, 'gateway.yaml', {
    env: ENV,
    readFile: (path) => {
      const content = Object.hasOwn(FILES, path) ? FILES[path] : undefined
      return content === undefined ? { wrong: 'does not exist' } : { value: content }
    },
  })
}

/** Every problem of a text, one a line; empty when it is valid. */
export function problemsOf(text: string): string[] {
  try {
    parse(text)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.diagnostics.map(formatDiagnostic)
    throw error
  }
}

function fixture(name: string): string {
  return readFileSync(join(FIXTURES, name), 'utf8')
}
