import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { connect } from 'node:tls'
import t from 'tap'
import { WebSocket } from 'ws'
import { freePort, startGatewayProcess } from '../support/gateway.ts'
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../support/loopback-certificate.ts'
import { NO_PROVIDER } from '../support/plain-upstream.ts'
import { until } from '../support/redis-servers.ts'
import { SERVER_CERTIFICATE } from '../support/upstream-certificates.ts'
import { sessionsInFile } from '../support/workers-gateway.ts'
import { startUpstreamOfReloads } from '../support/upstream-of-reloads.ts'
import { cookieOf, newFolder, signedIn, startReloadWorld } from '../support/reload-world.ts'

t.test('all workers serve by the new configuration, and those that start later', async (t) => {
  const folder = await newFolder(t)
  const { gateway, planOf, api, open, change } = await startReloadWorld(t, {
    workers: 2,
    session: sessionsInFile(join(folder, 'sessions')),
  })
  const pids = () =>
    gateway.log().flatMap(({ msg, pid }) => (msg === 'a worker is listening' ? [Number(pid)] : []))
  await change('routes: [', 'config_refused')
  await change(planOf(api, open, { ...open, path: '/new/*' }))
  const ask = async () => {
    const answer = await fetch(`${gateway.origin}/new/x`, { headers: { connection: 'close' } })
    t.equal(await answer.text(), 'old')
  }
  const workers = () =>
    new Set(gateway.log().flatMap((line) => (line['path'] === '/new/x' ? [line['worker']] : [])))
  await until(async () => {
    await ask()
    return workers().size === 2
  })
  const [first] = pids()
  process.kill(first!, 'SIGHUP')
  process.kill(first!, 'SIGKILL')
  await until(() => pids().length === 3)
  for (let count = 0; count < 6; count += 1) await ask()
  const { body } = await gateway.ask('/metrics')
  t.match(body, 'bearergate_config_reloads_total{outcome="applied"} 1')
})

t.test('new connections get the renewed certificate, open ones stay', async (t) => {
  const folder = await newFolder(t)
  const [certificate, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  await writeFile(certificate, LOOPBACK_CERTIFICATE)
  await writeFile(key, LOOPBACK_KEY)
  const port = await freePort()
  const upstream = await startUpstreamOfReloads(t, 'old')
  const gateway = await startGatewayProcess(t, {
    publicUrl: `https://127.0.0.1:${port}`,
    listen: { port, tls: { certificate, key } },
    provider: NO_PROVIDER,
    routes: [{ path: '/open/*', upstream: upstream.origin, access: 'public' }],
  })
  const shown = async () => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
    t.teardown(() => socket.destroy())
    await once(socket, 'secureConnect')
    return { socket, subject: socket.getPeerCertificate().fingerprint256 }
  }
  const before = await shown()
  await writeFile(certificate, SERVER_CERTIFICATE.cert)
  t.equal(
    (await gateway.reload())['event'],
    'config_refused',
    'the key is not that of the certificate',
  )
  await writeFile(key, SERVER_CERTIFICATE.key)
  t.equal((await gateway.reload())['event'], 'config_reloaded')
  t.not((await shown()).subject, before.subject)
  before.socket.write('GET /open/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n')
  const [answer] = await once(before.socket, 'data')
  t.match(String(answer), 'HTTP/1.1 200')
})

t.test('100 reloads leave nothing behind', async (t) => {
  const NODE_OPTIONS = '--max-semi-space-size=2 --max-old-space-size=80' // garbage goes early
  const { gateway, planOf, api, change } = await startReloadWorld(t, {}, { NODE_OPTIONS })
  const browser = await signedIn(t, gateway)
  const socket = new WebSocket(`${gateway.origin.replace('http', 'ws')}/api/socket`, {
    headers: { cookie: cookieOf(browser, gateway.origin) },
    origin: gateway.origin,
  })
  t.teardown(() => socket.terminate())
  await once(socket, 'open')
  const others = await Promise.all([startUpstreamOfReloads(t, '0'), startUpstreamOfReloads(t, '1')])
  const round = async (count: number) => {
    const upstream = others[count % 2]!.origin
    await change(planOf({ ...api, upstream, timeouts: { connect: `${(count % 7) + 1}s` } }))
    t.equal((await browser.fetch(`${gateway.origin}/api/x`)).body, String(count % 2))
  }
  const measured = async () => {
    const { body } = await gateway.ask('/metrics')
    const read = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1])
    return {
      resources: read('nodejs_active_resources_total'),
      heap: read('nodejs_heap_size_used_bytes') / 2 ** 20,
    }
  }
  for (let count = 0; count < 10; count += 1) await round(count)
  const before = await measured()
  for (let count = 0; count < 100; count += 1) await round(count)
  await until(async () => {
    const { resources, heap } = await measured()
    return resources <= before.resources + 3 && heap < before.heap + 30
  })
  t.equal(gateway.errors(), '', 'no warning of Node about listeners')
})

t.test('SIGHUP ends nothing, neither at the start nor at the end', async (t) => {
  const { gateway, upstream } = await startReloadWorld(t, { shutdown: { timeout: '30s' } })
  const browser = await signedIn(t, gateway)
  const slow = browser.fetch(`${gateway.origin}/api/slow`)
  const finish = await upstream.download
  gateway.child.kill('SIGTERM')
  await gateway.line(({ msg }) => msg === 'shutting down')
  gateway.child.kill('SIGHUP')
  await gateway.line(({ msg }) => String(msg).includes('SIGHUP is ignored'))
  finish()
  t.equal((await slow).body, 'first-last')
  t.same(await gateway.exited, { code: 0, signal: null })
})
