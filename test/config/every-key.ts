import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './config-bed.ts'

const golden = readFileSync(join(ROOT, 'test/config/golden/every-key-can-be-set.txt'), 'utf8')

/** A valid configuration in which every key is set. */
export const EVERY_KEY = golden.slice(0, golden.indexOf(`\n${'-'.repeat(80)}\n`) + 1)
