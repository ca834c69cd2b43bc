import { spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { request } from 'undici'
import { cpuMicroseconds } from './process-cost.ts'
import { pinned, type MeasuredServer } from './servers.ts'

export interface LoadPlan {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  readonly seconds: number
  /** For wrk: what its requests are made of, in its own Lua. */
  readonly lua?: string
}

export interface LoadResult {
  /** CPU time of all the server's processes per request, in microseconds. */
  readonly cpuMicroseconds: number
  readonly p99Ms: number
  readonly requestsPerSecond: number
  /** Answers other than 200. */
  readonly failures: number
}

const MS_OF_UNIT: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000 }

/** Loads one server and reads off what its processes spent. */
export async function measure(server: MeasuredServer, plan: LoadPlan): Promise<LoadResult> {
  const url = `http://127.0.0.1:${server.port}${plan.path}`
  const before = cpuMicroseconds(server.pid)
  const { requests, p99Ms, failures } = await withWrk(url, plan).catch((error) => {
    if (plan.lua !== undefined) throw error
    return withNode(url, plan)
  })
  const spent = cpuMicroseconds(server.pid) - before
  return {
    cpuMicroseconds: spent / requests,
    p99Ms,
    requestsPerSecond: requests / plan.seconds,
    failures,
  }
}

interface Counted {
  readonly requests: number
  readonly p99Ms: number
  readonly failures: number
}

async function withWrk(url: string, plan: LoadPlan): Promise<Counted> {
  const headers = Object.entries(plan.headers).flatMap(([name, value]) => [
    '-H',
    `${name}: ${value}`,
  ])
  const script = plan.lua === undefined ? [] : ['-s', fileOf(plan.lua)]
  const load = ['-t1', `-c${plan.connections}`, `-d${plan.seconds}s`, '--latency']
  const [command, ...args] = pinned('load', ['wrk', ...load, ...headers, ...script, url])
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve))
  const [, p99 = '0', unit = 'ms'] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? []
  return {
    requests: Number(/(\d+) requests in/.exec(text)?.[1] ?? 0),
    p99Ms: Number(p99) * (MS_OF_UNIT[unit] ?? 1),
    failures: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
  }
}

/** Slower than wrk, so that its latencies say less; CPU time per request is the same. */
async function withNode(url: string, plan: LoadPlan): Promise<Counted> {
  const latencies: number[] = []
  let failures = 0
  const endAtMs = performance.now() + plan.seconds * 1_000
  const user = async (): Promise<void> => {
    while (performance.now() < endAtMs) {
      const startedAtMs = performance.now()
      const { statusCode, body } = await request(url, { headers: plan.headers })
      await body.dump()
      if (statusCode !== 200) failures += 1
      latencies.push(performance.now() - startedAtMs)
    }
  }
  await Promise.all(Array.from({ length: plan.connections }, user))
  latencies.sort((a, b) => a - b)
  return {
    requests: latencies.length,
    p99Ms: latencies[Math.floor(latencies.length * 0.99)] ?? 0,
    failures,
  }
}

function fileOf(lua: string): string {
  const file = join(mkdtempSync(join(tmpdir(), 'bearergate-bench-')), 'load.lua')
  writeFileSync(file, lua)
  return file
}
