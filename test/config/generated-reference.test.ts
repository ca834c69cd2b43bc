import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Compile } from 'typebox/schema'
import { parse as parseYaml } from 'yaml'
import { configTree } from '../../src/config/schema/config-schema.ts'
import type { SchemaNode } from '../../src/config/schema/schema-parts.ts'
import { parse, ROOT } from './config-bed.ts'
import { EVERY_KEY } from './every-key.ts'

const MINIMAL = read('config/bearergate.minimal.yaml')
const EXAMPLE = read('config/bearergate.example.yaml')
const PAGE = read('docs/configuration.md')

/**
 * The example with everything that is switched off switched on, and files that exist. What stays
 * off are choices within a section that was off itself: not all of them go together.
 */
const EVERYTHING_ON = switchedOn(EXAMPLE)
  .replaceAll('/etc/bearergate/tls.key', 'server.key')
  .replaceAll('/run/secrets/gateway.key', 'server.key')
  .replaceAll('/run/secrets/client.key', 'server.key')
  .replaceAll('/run/secrets/client_key.pem', 'server.key')
  .replace(/^ *clientSecret: .*\n/m, '') // a client has a secret or a key
  .replace('clientAuthentication: client_secret_basic', 'clientAuthentication: private_key_jwt')
  .replaceAll(/\/etc\/bearergate\/[a-z-]+\.(crt|pem)/g, 'server.crt')
  .replace('http://orders:3000', 'https://orders:3443')

t.test('CF-8 example, editor schema and reference page are what the schema says', async (t) => {
  const script = join(import.meta.dirname, '../../src/config/generate-reference.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, '--check'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  t.equal(status, 0, stdout + stderr)
  t.equal(spawnSync(process.execPath, [script]).status, 2)
})

t.test('every file that operators may copy can be loaded without a warning', async (t) => {
  for (const text of [MINIMAL, EXAMPLE]) t.same(parse(text).warnings, [])
})

t.test('the example has every key, and all of them can be switched on', async (t) => {
  t.match(parse(EVERYTHING_ON).config, { providers: [{ maxAgeSeconds: 43_200 }] })
  const written = keysOf(parseYaml(switchedOn(switchedOn(EXAMPLE))))
  for (const key of schemaKeys(configTree)) {
    if (ALTERNATIVES.includes(key)) t.match(EXAMPLE, new RegExp(`^ *# ${lastOf(key)}:`, 'm'), key)
    else t.ok(written.includes(key), key)
  }
})

t.test('the example shows the defaults', async (t) => {
  const { routes, ...shown } = parse(EXAMPLE).config
  const { routes: _, ...defaults } = parse(MINIMAL).config
  t.match(shown, {
    session: { idleTimeoutMs: defaults.session.idleTimeoutMs },
    logout: defaults.logout,
  })
  t.match(routes, [{ access: 'required', timeouts: { connectMs: 5_000 } }])
})

t.test('every key has its place on the reference page, with words of its own', async (t) => {
  for (const key of schemaKeys(configTree)) {
    const heading = key.includes('.')
      ? `### \`${key.replace('routes.', 'routes[].')}\``
      : `## \`${key}\``
    t.ok(PAGE.includes(`${heading}\n`), heading)
  }
  t.same(undescribed(configTree, ''), [])
})

t.test('the editor accepts what the gateway accepts and marks what it refuses', async (t) => {
  const editor = Compile(JSON.parse(read('config/bearergate.schema.json')) as object)
  for (const text of [MINIMAL, EXAMPLE, EVERYTHING_ON, EVERY_KEY])
    t.ok(editor.Check(parseYaml(text)))
  for (const [good, bad] of [
    ['publicUrl:', 'publicURL:'],
    ['30m', '30 minutes'],
    ['access: required', 'access: none'],
    ['port: 8080', 'port: 80800'],
    ['issuer:', 'issuers:'],
  ] as const) {
    t.notOk(editor.Check(parseYaml(EXAMPLE.replace(good, bad))), bad)
  }
})

/** Keys that do not go with what the example shows: told of there, not written. */
const ALTERNATIVES = ['providers', 'routes.provider']

function lastOf(key: string): string {
  return key.slice(key.lastIndexOf('.') + 1)
}

function switchedOn(example: string): string {
  return example.replace(/^( *)#(?=\S| {2})/gm, '$1')
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function children(node: SchemaNode): Readonly<Record<string, SchemaNode>> {
  return node.properties ?? node.items?.properties ?? {}
}

function schemaKeys(node: SchemaNode, prefix = ''): string[] {
  return Object.entries(children(node)).flatMap(([key, child]) => {
    const below = schemaKeys(child, `${prefix}${key}.`)
    return [`${prefix}${key}`, ...below]
  })
}

function undescribed(node: SchemaNode, name: string): string[] {
  const below = Object.entries(children(node)).flatMap(([key, child]) =>
    undescribed(child, `${name}.${key}`),
  )
  return name === '' || (node.description?.length ?? 0) > 10 ? below : [name, ...below]
}

/** Every key that is written, whatever its value. */
function keysOf(value: unknown, prefix = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => keysOf(item, prefix))
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, child]) => {
    const name = `${prefix}${key}`
    return [name, ...keysOf(child, `${name}.`)]
  })
}
