// Line coverage per room of src/, from the report tap just wrote; fails below the floors.
// A source file that no test ever loaded counts as uncovered, not as absent.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { relative, sep } from 'node:path'

const FLOORS = { 'src/domain': 95, 'src/oidc': 95, total: 97 }

const report = JSON.parse(readFileSync('.tap/report/coverage-summary.json', 'utf8'))
const rooms = new Map()

function count(file, covered, total) {
  const [, room] = file.split('/')
  for (const name of [room.endsWith('.ts') ? 'src' : `src/${room}`, 'total']) {
    const sum = rooms.get(name) ?? { covered: 0, total: 0 }
    rooms.set(name, { covered: sum.covered + covered, total: sum.total + total })
  }
}

const seen = new Set()
for (const [path, { lines }] of Object.entries(report)) {
  const file = relative('.', path).replaceAll(sep, '/')
  if (!file.startsWith('src/')) continue
  seen.add(file)
  count(file, lines.covered, lines.total)
}

const unloaded = readdirSync('src', { recursive: true })
  .map((name) => `src/${name.replaceAll(sep, '/')}`)
  .filter((file) => file.endsWith('.ts') && !seen.has(file) && hasCode(file))
for (const file of unloaded) {
  console.log(`never loaded by a test: ${file}`)
  count(file, 0, readFileSync(file, 'utf8').split('\n').length)
}

/** Files of types alone compile to nothing but `export {}`. */
function hasCode(file) {
  const emitted = `build/${file.replace(/\.ts$/, '.js')}`
  if (!existsSync(emitted)) return true
  const code = readFileSync(emitted, 'utf8').replaceAll(/^(export \{\};|\/\/# source.*)$/gm, '')
  return code.trim() !== ''
}

let failed = false
for (const name of [...rooms.keys()].sort((a, b) => a.localeCompare(b))) {
  const { covered, total } = rooms.get(name)
  const percent = (100 * covered) / total
  const floor = FLOORS[name]
  const tooLow = floor !== undefined && percent < floor
  failed ||= tooLow
  const verdict = floor === undefined ? '' : tooLow ? `  BELOW ${floor} %` : `  (floor ${floor} %)`
  console.log(`${percent.toFixed(1).padStart(6)} % of lines  ${name}${verdict}`)
}
process.exitCode = failed ? 1 : 0
