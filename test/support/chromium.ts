import { existsSync, mkdirSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  chromium,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from 'playwright-core'

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const FLAGS = [
  '--no-sandbox', // the tests may run as root
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--host-resolver-rules=MAP *.gateway.test 127.0.0.1',
]

const SCREENSHOTS = 'build/screenshots'
const WAIT_MS = 15_000

interface Owner {
  teardown(close: () => unknown): unknown
}

/** Options for tests that need a browser: skipped, with what to do, where none is installed. CI never skips. */
export function needsChromium(): { skip?: string; timeout: number } {
  const timeout = 240_000
  const isMissing = executable() === undefined && process.env['CI'] === undefined
  return isMissing ? { skip: 'no Chromium here: npm run test:setup', timeout } : { timeout }
}

/** A fresh profile, closed with the test. `prefs` are Chromium's own preferences. */
export async function openChromium(
  t: Owner,
  options: BrowserContextOptions = {},
  prefs?: object,
): Promise<BrowserContext> {
  const executablePath = executable()
  if (executablePath === undefined) throw new Error('no Chromium here: npm run test:setup')
  const profile = await mkdtemp(join(tmpdir(), 'bearergate-chromium-'))
  if (prefs !== undefined) {
    await mkdir(join(profile, 'Default'))
    await writeFile(join(profile, 'Default', 'Preferences'), JSON.stringify(prefs))
  }
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: FLAGS,
    // People's browsers keep pages for the back button: so does this one.
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    ...options,
  })
  context.setDefaultTimeout(WAIT_MS)
  t.teardown(async () => {
    await context.close()
    await rm(profile, { recursive: true, force: true })
  })
  return context
}

/** Saves what the page looks like under build/screenshots. */
export async function screenshot(page: Page, name: string): Promise<void> {
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true })
}

function executable(): string | undefined {
  const named = process.env['CHROMIUM']
  return named ?? CANDIDATES.find((path) => existsSync(path))
}
