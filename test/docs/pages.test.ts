import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { parseConfig } from '../../src/config/load-config.ts'
import { STATUS_OF_REASON } from '../../src/domain/reason.ts'
import { OWN_ENDPOINTS } from '../../src/http/own-endpoint-table.ts'

const PAGES = ['README.md', 'SECURITY.md', ...readdirSync('docs').map((name) => `docs/${name}`)]

function read(path: string): string {
  return readFileSync(path, 'utf8')
}

t.test('every refusal can be looked up, with its status', async (t) => {
  const page = read('docs/troubleshooting.md')
  const headings = [...page.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading ?? '')
  for (const [reason, status] of Object.entries(STATUS_OF_REASON)) {
    const heading = headings.find((text) => text.includes(`\`${reason}\``)) ?? ''
    t.match(heading, `(${status})`, reason)
  }
  const documented = headings.flatMap((text) =>
    [...text.matchAll(/`(\w+)`/g)].map(([, word]) => word),
  )
  t.same(new Set(documented), new Set(Object.keys(STATUS_OF_REASON)), 'and no other')
})

for (const path of PAGES) {
  t.test(`${path} links to what exists`, async (t) => {
    const text = read(path).replaceAll(/^```[\s\S]*?^```$/gm, '')
    for (const [, target = ''] of text.matchAll(/\]\(([^)]+)\)/g)) {
      if (/^https?:/.test(target)) continue
      const [file = '', anchor] = target.split('#')
      const linked = file === '' ? path : join(dirname(path), file)
      t.ok(existsSync(linked), target)
      if (anchor !== undefined) t.ok(anchors(read(linked)).includes(anchor), target)
    }
  })
}

t.test('the configuration in README loads', async (t) => {
  const yaml = /^```yaml\n([\s\S]*?)^```$/m.exec(read('README.md'))?.[1] ?? ''
  const env = {
    OIDC_CLIENT_ID: 'id',
    OIDC_CLIENT_SECRET: 'a client secret',
    SESSION_SECRET: randomBytes(32).toString('base64'),
  }
  const { config, warnings } = parseConfig(yaml, 'README.md', {
    env,
    readFile: () => ({ wrong: 'no files' }),
  })
  t.equal(config.routes.length, 2)
  t.same(warnings, [])
})

t.test('the configuration in docs/providers.md loads', async (t) => {
  const yaml = /^```yaml\n([\s\S]*?)^```$/m.exec(read('docs/providers.md'))?.[1] ?? ''
  const env = {
    OIDC_CLIENT_ID: 'id',
    OIDC_CLIENT_SECRET: 'a client secret',
    SESSION_SECRET: randomBytes(32).toString('base64'),
  }
  const source = { env, readFile: () => ({ wrong: 'no files' }) }
  const { config, warnings } = parseConfig(yaml, 'providers.md', source)
  t.same(
    config.providers.map(({ redirectUri }) => redirectUri),
    ['https://app.example.com/oauth2/callback', 'https://app.example.com/oauth2/callback/partners'],
  )
  t.same(warnings, [])
})

t.test('README names every endpoint of ours', async (t) => {
  for (const path of OWN_ENDPOINTS.keys()) t.match(read('README.md'), path, path)
})

t.test('every npm script that the pages name exists', async (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const path of PAGES) {
    for (const [, name = ''] of read(path).matchAll(/npm run ([\w:]+)/g)) {
      t.ok(name in scripts, `${path}: npm run ${name}`)
    }
  }
})

/** The anchors GitHub gives to headings. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}
