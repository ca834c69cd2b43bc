import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { editorSchema } from './reference/editor-schema.ts'
import { exampleFile } from './reference/example-file.ts'
import { referencePage } from './reference/reference-page.ts'
import { configTree } from './schema/config-schema.ts'

/**
 * Keeps what is generated from the schema current: `--write` writes the files, `--check` exits with 1 when one of them
 * differs. Run from the root of the repository.
 */
const GENERATED: Readonly<Record<string, string>> = {
  'config/bearergate.schema.json': editorSchema(configTree),
  'config/bearergate.example.yaml': exampleFile(configTree),
  'docs/configuration.md': referencePage(configTree),
}

process.exitCode = run(process.argv[2])

function run(mode: string | undefined): number {
  if (mode !== '--check' && mode !== '--write') {
    process.stderr.write('usage: generate-reference.js --check | --write\n')
    return 2
  }
  const stale = Object.entries(GENERATED).filter(([path, text]) => textOf(path) !== text)
  for (const [path, text] of stale) {
    if (mode === '--write') writeFileSync(join(process.cwd(), path), text)
    process.stdout.write(
      `${path}: ${mode === '--write' ? 'written' : 'differs from the schema; run npm run generate'}\n`,
    )
  }
  return mode === '--check' && stale.length > 0 ? 1 : 0
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(join(process.cwd(), path), 'utf8')
  } catch {
    return undefined // not there yet is as good as different
  }
}
