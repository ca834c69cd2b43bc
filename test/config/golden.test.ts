import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError, formatDiagnostic } from '../../src/config/config-error.ts'
import { CLIENT_SECRET, ENV, parse, ROOT, SECRET } from './config-bed.ts'

const GOLDEN = join(ROOT, 'test/config/golden')
const DASHES = `${'-'.repeat(80)}\n`

/** What the file says happens: every problem, or the configuration and its warnings. */
function outcome(text: string): string {
  try {
    const { config, warnings } = parse(text)
    const lines = warnings.map((warning) => `warning ${formatDiagnostic(warning)}\n`).join('')
    return `${lines}${JSON.stringify(config, readable, 2)}\n`
  } catch (error) {
    if (error instanceof ConfigError) return `${error.message}\n`
    throw error
  }
}

function readable(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return `<${value.length} bytes>`
  return typeof value === 'string' && value.startsWith('-----BEGIN') ? '<PEM>' : value
}

for (const name of readdirSync(GOLDEN)) {
  t.test(`CF-1 ${name.replace('.txt', '').replaceAll('-', ' ')}`, async (t) => {
    const path = join(GOLDEN, name)
    const [input = '', expected] = readFileSync(path, 'utf8').split(DASHES)
    const found = outcome(input)
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(path, `${input}${DASHES}${found}`)
    else t.equal(found, expected)
    if (!found.includes('"publicUrl"')) {
      for (const hidden of [SECRET, CLIENT_SECRET, ENV.CANARY as string]) t.notMatch(found, hidden)
    }
  })
}
