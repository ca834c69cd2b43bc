import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { runDoctor } from '../../src/commands/doctor.ts'
import { freePort, type GatewayPlan } from './gateway.ts'
import { startScriptedProvider, type Script } from './scripted-provider.ts'

export interface Doctored {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export const SECRET = randomBytes(32).toString('base64')

/** Runs doctor in this process; whatever it prints, no secret may be in it. */
export async function doctor(
  t: Test,
  plan: GatewayPlan,
  {
    args = [] as string[],
    secrets = [] as string[],
    signal = undefined as AbortSignal | undefined,
  } = {},
): Promise<Doctored> {
  const port = await freePort()
  const file = {
    publicUrl: `http://127.0.0.1:${port}`,
    listen: { host: '127.0.0.1', port, trustedProxies: ['127.0.0.1/32'] },
    admin: { host: '127.0.0.1', port: await freePort() },
    routes: [{ path: '/*', upstream: 'none' }],
    forwardAuth: { key: SECRET },
    ...plan,
    session: { secrets: [SECRET], ...(plan['session'] as object | undefined) },
  }
  const cwd = await mkdtemp(join(tmpdir(), 'bearergate-doctor-'))
  t.teardown(() => rm(cwd, { recursive: true }))
  await writeFile(join(cwd, 'bearergate.yaml'), JSON.stringify(file))
  const told = { stdout: '', stderr: '' }
  const code = await runDoctor(args, {
    stdout: { write: (text) => void (told.stdout += text) },
    stderr: { write: (text) => void (told.stderr += text) },
    env: {},
    cwd,
    ...(signal && { signal }),
  })
  for (const secret of [SECRET, ...secrets])
    t.notOk((told.stdout + told.stderr).includes(secret), 'no secret is shown')
  return { code, ...told }
}

/** A scripted provider whose metadata say all that there is to say, bent by `script`. */
export async function scriptedPlan(t: Test, script: Script = {}, more: GatewayPlan = {}) {
  const { issuer, clientId, clientSecret, requests, ...rest } = await startScriptedProvider(t, {
    script,
  })
  const provider = { issuer, clientId, clientSecret, allowInsecureHttp: true, ...more }
  return { plan: { provider }, secrets: [clientSecret], requests, script: rest.script }
}

/** Runs doctor on a broken setup: this must be printed, and how it ends. */
export async function tells(
  t: Test,
  plan: GatewayPlan,
  lines: readonly RegExp[],
  secrets: string[] = [],
) {
  const { code, stdout, stderr } = await doctor(t, plan, { secrets })
  t.equal(stderr, '')
  for (const line of lines) t.match(stdout, line)
  const fails = lines.some(({ source }) => source.includes('FAIL'))
  t.equal(code, fails ? 1 : 0, stdout)
}
