import t from 'tap'
import type { GatewayEvent } from '../../src/domain/events.ts'
import { untrustedProxyWarning } from '../../src/http/untrusted-proxy.ts'
import { openRoute, startProxied } from '../support/proxied.ts'
import { ask, head } from '../support/raw-socket.ts'
import { startRecordingUpstream } from '../support/recording-upstream.ts'

function warnings(events: readonly GatewayEvent[]): string[] {
  return events.flatMap((event) => (event.type === 'warning' ? [event.message] : []))
}

t.test('FW-3 a neighbour that forwards without being trusted is told of, once', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const { port, events } = await startProxied(t, [openRoute('/*', upstream.origin)])
  await ask(t, port, head('GET / HTTP/1.1', 'Host: 127.0.0.1'))
  t.same(warnings(events), [], 'not without the header')
  for (let time = 0; time < 2; time++)
    await ask(t, port, head('GET / HTTP/1.1', 'Host: 127.0.0.1', 'X-Forwarded-For: 203.0.113.9'))
  t.match(warnings(events), [/^127\.0\.0\.1 sends X-Forwarded-For .*listen\.trustedProxies/])
  t.equal(warnings(events).length, 1)
})

t.test('FW-3 strangers cannot make the log warn of them', async (t) => {
  const told: GatewayEvent[] = []
  const warn = untrustedProxyWarning((event) => told.push(event))
  for (const address of ['203.0.113.9', '8.8.8.8', '2001:db8::1', '172.32.0.1', 'nonsense', ''])
    warn(address)
  t.same(told, [])
  warn('172.31.255.255')
  t.equal(told.length, 1)
})

t.test('FW-3 a trusted proxy is not told of', async (t) => {
  const upstream = await startRecordingUpstream(t)
  const listen = { host: '127.0.0.1', port: 0, trustedProxies: ['127.0.0.0/8'] }
  const { port, events } = await startProxied(t, [openRoute('/*', upstream.origin)], {
    config: { listen },
  })
  await ask(t, port, head('GET / HTTP/1.1', 'Host: 127.0.0.1', 'X-Forwarded-For: 203.0.113.9'))
  t.same(warnings(events), [])
})
