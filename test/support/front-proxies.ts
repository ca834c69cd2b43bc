import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

export type FrontProxy = keyof typeof FRONTS

/** Where everything is that the examples name by other addresses. */
export interface FrontPlaces {
  readonly port: number
  readonly gatewayPort: number
  readonly upstreamPort: number
  /** The key of `forwardAuth`. */
  readonly key: string
}

interface Front {
  readonly command: string
  readonly example: string
  /** Texts of the example, and what stands there for the test. Each must be found. */
  swaps(places: FrontPlaces, folder: string): Readonly<Record<string, string>>
  /** Further files in the folder: name and content. */
  files?(folder: string): Promise<Readonly<Record<string, string>>>
  arguments(folder: string): readonly string[]
}

interface Owner {
  teardown(close: () => unknown): unknown
}

const EXAMPLES = 'config/forward-auth'

/** The proxies whose examples are tested: Debian's packages, `.ci/install-test-tools proxies`. */
export const FRONTS = {
  nginx: {
    command: '/usr/sbin/nginx',
    example: 'nginx.conf',
    swaps: ({ port }) => ({ 'listen 80;': `listen 127.0.0.1:${port};`, 'change-me': '' }),
    files: async (folder) => ({ 'main.conf': nginxMain(folder) }),
    arguments: (folder) => ['-p', folder, '-c', join(folder, 'main.conf'), '-e', 'stderr'],
  },
  caddy: {
    command: '/usr/bin/caddy',
    example: 'Caddyfile',
    swaps: ({ port }) => ({
      '\napp.example.com {': `\n{\n\tadmin off\n}\nhttp://127.0.0.1:${port} {`,
      'change-me': '',
    }),
    arguments: (folder) => ['run', '--adapter', 'caddyfile', '--config', join(folder, 'Caddyfile')],
  },
  haproxy: {
    command: '/usr/sbin/haproxy',
    example: 'haproxy.cfg',
    swaps: ({ port }, folder) => ({
      'bind :80': `bind 127.0.0.1:${port}`,
      '/etc/haproxy/': `${folder}/`,
      'change-me': '',
    }),
    files: async () => ({ 'bearergate.lua': await example('bearergate.lua') }),
    arguments: (folder) => ['-db', '-f', join(folder, 'haproxy.cfg')],
  },
  apache: {
    command: '/usr/sbin/apache2',
    example: 'apache.conf',
    swaps: ({ port }) => ({ '*:80': `127.0.0.1:${port}` }),
    files: async (folder) => ({ 'main.conf': apacheMain(folder) }),
    arguments: (folder) => ['-X', '-d', folder, '-f', join(folder, 'main.conf')],
  },
} satisfies Readonly<Record<string, Front>>

/** Options for tests of one proxy: skipped, with what to do, where it is not installed. CI never skips. */
export function needsFront(name: FrontProxy): { skip?: string; timeout: number } {
  const timeout = 60_000
  const isMissing = !existsSync(FRONTS[name].command) && process.env['CI'] === undefined
  return isMissing ? { skip: `no ${name} here: npm run test:setup`, timeout } : { timeout }
}

/** The proxy with our example configuration, on loopback; ended with the test. */
export async function startFront(t: Owner, name: FrontProxy, places: FrontPlaces): Promise<void> {
  const front: Front = FRONTS[name]
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-front-'))
  await mkdir(join(folder, 'tmp'))
  const files = {
    [front.example]: fitted(await example(front.example), places, front.swaps(places, folder)),
    ...(await front.files?.(folder)),
  }
  for (const [file, text] of Object.entries(files))
    await writeFile(join(folder, file), text.replaceAll('PORT', String(places.port)))
  const child = spawn(front.command, front.arguments(folder), {
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(async () => {
    await ended(child)
    await rm(folder, { recursive: true, force: true })
  })
  await untilListening(child, places.port)
}

function example(file: string): Promise<string> {
  return readFile(join(EXAMPLES, file), 'utf8')
}

function fitted(
  text: string,
  { gatewayPort, upstreamPort, key }: FrontPlaces,
  own: Readonly<Record<string, string>>,
): string {
  const swaps: Record<string, string> = { ...own, 'bearergate:8080': `127.0.0.1:${gatewayPort}` }
  if ('change-me' in own) {
    swaps['change-me'] = key
    swaps['app:3000'] = `127.0.0.1:${upstreamPort}`
  }
  for (const [from, to] of Object.entries(swaps)) {
    if (!text.includes(from)) throw new Error(`the example no longer says "${from}"`)
    text = text.replaceAll(from, to)
  }
  return text
}

async function untilListening(child: ChildProcess, port: number): Promise<void> {
  const complaints: string[] = []
  child.stderr?.on('data', (text: Buffer) => complaints.push(text.toString()))
  child.stdout?.on('data', (text: Buffer) => complaints.push(text.toString()))
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended: ${complaints.join('')}`)
    const socket = connect(port, '127.0.0.1')
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
    if (isThere) return
    await pause(20)
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const killing = setTimeout(() => child.kill('SIGKILL'), 3_000)
  await exited
  clearTimeout(killing)
}

function nginxMain(folder: string): string {
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return [
    'daemon off;',
    `pid ${folder}/nginx.pid;`,
    'worker_processes 1;',
    'events {}',
    'http {',
    'access_log off;',
    ...places.map((place) => `${place}_temp_path ${folder}/tmp/${place};`),
    `include ${folder}/nginx.conf;`,
    '}',
  ].join('\n')
}

function apacheMain(folder: string): string {
  const modules = ['mpm_event', 'authz_core', 'headers', 'proxy', 'proxy_http']
  return [
    ...modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
    'Listen 127.0.0.1:PORT',
    'ServerName 127.0.0.1',
    `PidFile ${folder}/apache.pid`,
    `DefaultRuntimeDir ${folder}/tmp`,
    `ErrorLog ${folder}/error.log`,
    `Include ${folder}/apache.conf`,
  ].join('\n')
}
