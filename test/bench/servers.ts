import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A server under measurement, in a process of its own. */
export interface MeasuredServer {
  readonly name: string
  readonly port: number
  readonly pid: number
}

const NOWHERE = openSync('/dev/null', 'w')

/** Starts a compiled script with arguments and waits until its port answers. Ended with this process. */
export async function startScript(
  name: string,
  port: number,
  script: string,
  args: readonly string[],
  nodeOptions: readonly string[] = [],
): Promise<MeasuredServer> {
  const file = fileURLToPath(new URL(script, import.meta.url))
  const child = spawn(process.execPath, [...nodeOptions, file, ...args], {
    stdio: ['ignore', NOWHERE, 'inherit'], // the gateway writes its log lines, nobody reads them
  })
  return ready(name, port, child)
}

/** nginx with one worker, or Node where there is none: answers 200 with a body of `bytes`. */
export async function startUpstream(port: number, bytes: number): Promise<MeasuredServer> {
  if (spawnSync('nginx', ['-v']).error !== undefined) {
    return startScript('node upstream', port, './node-upstream.js', [String(port), String(bytes)])
  }
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-bench-'))
  const file = join(folder, 'nginx.conf')
  await writeFile(file, nginxConfig(folder, port, bytes))
  const child = spawn('nginx', ['-c', file, '-p', folder, '-e', join(folder, 'error.log')], {
    stdio: 'ignore',
  })
  return ready('nginx upstream', port, child)
}

async function ready(name: string, port: number, child: ChildProcess): Promise<MeasuredServer> {
  process.on('exit', () => child.kill('SIGTERM'))
  for (let attempt = 0; attempt < 200; attempt++) {
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

function nginxConfig(folder: string, port: number, bytes: number): string {
  return `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
events { worker_connections 4096; }
http {
  access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s; large_client_header_buffers 4 32k;
  client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
  server { listen 127.0.0.1:${port}; location / { default_type text/plain; return 200 "${'x'.repeat(bytes)}"; } }
}
`
}
