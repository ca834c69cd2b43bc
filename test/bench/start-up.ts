import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { request as ask } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort, providerSection } from '../support/gateway.ts'
import { startOpenIdProvider } from '../support/openid-provider.ts'
import { residentBytes } from './process-cost.ts'
import { targetRow } from './target.ts'

const STARTS = 9
const ASK_EVERY_MS = 3
const IDLE_MS = 60_000 // what starting left behind is collected within this time
const MAIN = fileURLToPath(new URL('../../src/main.js', import.meta.url))

/** From the start of the process until /readyz says yes, the provider being up; and what the process then takes. */
export async function measureStartUp(): Promise<string[]> {
  const provider = await startOpenIdProvider()
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-bench-'))
  const [times, sizes]: [number[], number[]] = [[], []]
  for (let start = 0; start < STARTS; start++) {
    const [port, adminPort] = [await freePort(), await freePort()]
    const file = join(folder, `${start}.yaml`)
    const config = {
      publicUrl: `http://127.0.0.1:${port}`,
      listen: { host: '127.0.0.1', port },
      admin: { host: '127.0.0.1', port: adminPort },
      provider: providerSection(provider),
      session: { secrets: [randomBytes(32).toString('base64')] },
      routes: [{ path: '/*', upstream: 'http://127.0.0.1:9' }],
    }
    await writeFile(file, JSON.stringify(config))
    const startedAtMs = performance.now()
    const child = spawn(process.execPath, [MAIN, 'serve', '--config', file], { stdio: 'ignore' })
    while (!(await isReady(adminPort))) await pause(ASK_EVERY_MS)
    times.push(performance.now() - startedAtMs)
    if (start === 0) {
      await pause(IDLE_MS)
      sizes.push(residentBytes(child.pid as number) / 1024 / 1024)
    }
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  return [
    targetRow('cold start to ready', times, { kind: 'most', value: 400, unit: ' ms' }),
    targetRow('RSS after an idle minute', sizes, { kind: 'most', value: 100, unit: ' MiB' }),
  ]
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = ask({ host: '127.0.0.1', port, path: '/readyz', agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode === 200)
    })
    asked.on('error', () => resolve(false)).end()
  })
}
