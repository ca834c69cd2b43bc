import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './gateway.ts'
import { until } from './redis-servers.ts'

const MEMORY_DISK = '/dev/shm'

/**
 * A `redis-server` that hands every write to the kernel before it answers: what it acknowledged
 * survives SIGKILL. It does not wait for the disk, which may be busy with other tests: where there
 * is a disk in memory, it writes there.
 */
export interface DurableRedis {
  readonly url: string
  freeze(): void
  thaw(): void
  kill(): Promise<void>
  /** On the same port, with what it had. */
  restart(): Promise<void>
}

interface Owner {
  teardown(close: () => unknown): unknown
}

export async function startDurableRedis(t: Owner): Promise<DurableRedis> {
  const port = await freePort()
  const disk = existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir()
  const folder = await mkdtemp(join(disk, 'bearergate-redis-'))
  const args = [
    ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    ...['--appendonly', 'yes', '--appendfsync', 'no'],
  ]
  const start = () => spawn('redis-server', args, { cwd: folder, stdio: 'ignore' })
  let child: ChildProcess = start()
  await until(() => answers(port))
  t.teardown(async () => {
    child.kill('SIGKILL')
    await rm(folder, { recursive: true, force: true })
  })
  return {
    url: `redis://127.0.0.1:${port}`,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'close')
    },
    async restart() {
      child = start()
      await until(() => answers(port))
    },
  }
}

async function answers(port: number): Promise<boolean> {
  const client = spawn('redis-cli', ['-p', `${port}`, 'ping'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let text = ''
  client.stdout.on('data', (chunk) => (text += String(chunk)))
  await once(client, 'close')
  return text.startsWith('PONG')
}
