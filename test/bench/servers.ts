import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { chmod, mkdtemp, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A server under measurement, in a process of its own. */
export interface MeasuredServer {
  readonly name: string
  readonly port: number
  readonly pid: number
}

/** What the upstream has at `/big`. */
export const BIG_BYTES = 10 * 1024 * 1024

const NOWHERE = openSync('/dev/null', 'w')
const START_ATTEMPTS = 1_200 // of 50 ms
const CORES = { server: '0', load: '1' }

const LAST_WORDS_MS = 5_000

const children: ChildProcess[] = []
process.on('exit', () => children.forEach((child) => child.kill('SIGTERM')))

/** Ends every server started so far, and waits until they are gone. */
export async function stopServers(): Promise<void> {
  await Promise.all(children.splice(0).map(end))
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const force = setTimeout(() => child.kill('SIGKILL'), LAST_WORDS_MS)
  await ended
  clearTimeout(force)
}

let pins = false

/** From now on servers run on one core, what loads and what answers them on another. Answers whether that can be done. */
export function pinProcesses(): boolean {
  pins = cpus().length > 1 && spawnSync('taskset', ['-V']).error === undefined
  return pins
}

/** From now on the system decides again who runs where. */
export function unpinProcesses(): void {
  pins = false
}

type Command = [string, ...string[]]

/** The command on the core of its role. */
export function pinned(role: keyof typeof CORES, command: Command): Command {
  return pins ? ['taskset', '-c', CORES[role], ...command] : command
}

/** Starts a compiled script with arguments and waits until its port answers. Ended with this process. */
export async function startScript(
  name: string,
  port: number,
  script: string,
  args: readonly string[],
  nodeOptions: readonly string[] = [],
): Promise<MeasuredServer> {
  const file = fileURLToPath(new URL(script, import.meta.url))
  const role = script.includes('upstream') ? 'load' : 'server'
  const [command, ...all] = pinned(role, [process.execPath, ...nodeOptions, file, ...args])
  const child = spawn(command, all, {
    stdio: ['ignore', NOWHERE, 'inherit'], // the gateway writes its log lines, nobody reads them
  })
  return ready(name, port, child)
}

/** nginx with one worker, or Node where there is none: answers 200 with a body of `bytes`; at `/echo` with the Authorization it got. */
export async function startUpstream(port: number, bytes: number): Promise<MeasuredServer> {
  if (spawnSync('nginx', ['-v']).error !== undefined) {
    return startScript('node upstream', port, './node-upstream.js', [String(port), String(bytes)])
  }
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-bench-'))
  const file = join(folder, 'nginx.conf')
  await writeFile(join(folder, 'big'), Buffer.alloc(BIG_BYTES, 'x'))
  await chmod(folder, 0o755) // the worker is another user
  const location = `default_type application/json; return 200 "${'x'.repeat(bytes)}";`
  const files = `location = /big { root ${folder}; } location = /echo { return 200 "$http_authorization"; }`
  await writeFile(file, nginxConfig({ folder, port, log: 'off', location, files }))
  return startNginx('nginx upstream', 'load', { folder, file, port })
}

/** nginx as a plain proxy with one worker, its access log on; `undefined` where there is no nginx. */
export async function startNginxProxy(
  port: number,
  upstreamPort: number,
): Promise<MeasuredServer | undefined> {
  if (spawnSync('nginx', ['-v']).error !== undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-bench-'))
  const file = join(folder, 'nginx.conf')
  const location = `proxy_pass http://upstream; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header Host $host;`
  const more = `upstream upstream { server 127.0.0.1:${upstreamPort}; keepalive 64; keepalive_requests 1000000000; }`
  await writeFile(file, nginxConfig({ folder, port, log: '/dev/null', location, more }))
  return startNginx('nginx, plain proxy', 'server', { folder, file, port })
}

function startNginx(
  name: string,
  role: keyof typeof CORES,
  { folder, file, port }: { readonly folder: string; readonly file: string; readonly port: number },
): Promise<MeasuredServer> {
  const log = join(folder, 'error.log')
  const [command, ...args] = pinned(role, ['nginx', '-c', file, '-p', folder, '-e', log])
  return ready(name, port, spawn(command, args, { stdio: 'ignore' }))
}

/** Waits until somebody listens; the process ends with this one. */
export async function ready(
  name: string,
  port: number,
  child: ChildProcess,
): Promise<MeasuredServer> {
  children.push(child)
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt++) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`)
    if (await answers(port)) return { name, port, pid: child.pid as number }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`${name} does not listen on port ${port}`)
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const outcome = await Promise.race([
    once(socket, 'connect').then(() => true),
    new Promise<boolean>((resolve) => socket.on('error', () => resolve(false))),
  ]).catch(() => false)
  socket.destroy()
  return outcome
}

interface NginxPlan {
  readonly folder: string
  readonly port: number
  /** Where the access log goes, or `off`. */
  readonly log: string
  readonly location: string
  readonly files?: string
  readonly more?: string
}

function nginxConfig({ folder, port, log, location, files = '', more = '' }: NginxPlan): string {
  return `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log ${log}; keepalive_requests 1000000000; keepalive_timeout 3600s; large_client_header_buffers 4 32k;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder}; client_max_body_size 0; sendfile on;
  ${more}
  server { listen 127.0.0.1:${port}; location / { ${location} } ${files} }
}
`
}
