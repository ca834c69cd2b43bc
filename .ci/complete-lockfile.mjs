// Adds the packages of other platforms that package-lock.json lacks: node .ci/complete-lockfile.mjs
//
// npm 11.21 refuses a lockfile in which any optional dependency is missing, also one for another
// platform. Where a registry mirror carries only some platforms, `npm install` cannot write the rest.
// Their entries need nothing but what the lockfile already says: the exact version, and the platform,
// which is in the name. With --check it only tells, and fails when something is missing.
import { readFileSync, writeFileSync } from 'node:fs'

const SYSTEMS = ['darwin', 'win32', 'linux', 'android', 'freebsd', 'openharmony', 'sunos', 'aix']
const PROCESSORS = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'wasm32']
const EXACT = /^\d+\.\d+\.\d+/

const lock = JSON.parse(readFileSync('package-lock.json', 'utf8'))
const { '': root, ...packages } = lock.packages
const missing = Object.entries(packages).flatMap(([path, parent]) =>
  Object.entries(parent.optionalDependencies ?? {})
    .filter(([name, version]) => EXACT.test(version) && !isThere(path, name))
    .map(([name, version]) => [`node_modules/${name}`, entry(name, version, parent.dev)]),
)
const unknown = missing.filter(([, { os, cpu }]) => os === undefined && cpu === undefined)
if (unknown.length > 0)
  throw new Error(`no platform in the name: ${unknown.map(([path]) => path).join(', ')}`)

console.log(`${missing.length} packages of other platforms are missing in package-lock.json`)
if (process.argv.includes('--check')) {
  process.exitCode = missing.length === 0 ? 0 : 1
} else {
  const all = Object.entries({ ...packages, ...Object.fromEntries(missing) })
  const sorted = all.sort(([a], [b]) => (a < b ? -1 : 1))
  lock.packages = { '': root, ...Object.fromEntries(sorted) }
  writeFileSync('package-lock.json', `${JSON.stringify(lock, undefined, 2)}\n`)
}

/** As Node would look for it from a package: in its own node_modules, then further up. */
function isThere(path, name) {
  const parts = path.split('/node_modules/')
  return parts.some((_, index) => {
    const above = parts.slice(0, parts.length - index).join('/node_modules/')
    return `${above}/node_modules/${name}` in packages || `node_modules/${name}` in packages
  })
}

function entry(name, version, dev) {
  const words = name.split(/[-/]/)
  const os = SYSTEMS.filter((system) => words.includes(system))
  const cpu = PROCESSORS.filter((processor) => words.includes(processor))
  const libc = words.some((word) => word.startsWith('musl'))
    ? ['musl']
    : words.some((word) => word.startsWith('gnu')) && os[0] === 'linux'
      ? ['glibc']
      : undefined
  return {
    version,
    ...(cpu.length > 0 && { cpu }),
    ...(dev && { dev }),
    ...(libc && { libc }),
    optional: true,
    ...(os.length > 0 && { os }),
  }
}
