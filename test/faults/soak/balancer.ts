import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { GatewayPlace } from './gateway-place.ts'
import type { SeededRandom } from './seeded-random.ts'

interface Owner {
  teardown(close: () => unknown): unknown
}

/** Listens where all gateways say they live and gives each connection to one that is up: for logins. */
export async function startBalancer(
  t: Owner,
  port: number,
  { places, random }: { readonly places: readonly GatewayPlace[]; readonly random: SeededRandom },
): Promise<void> {
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const alive = places.filter((place) => place.isUp())
    if (alive.length === 0) return client.destroy()
    const gateway = connect(random.pick(alive).port, '127.0.0.1')
    for (const [socket, other] of [
      [client, gateway],
      [gateway, client],
    ] as const) {
      open.add(socket)
      socket.pipe(other)
      socket.on('error', () => {})
      socket.once('close', () => {
        open.delete(socket)
        other.destroy()
      })
    }
  })
  await once(server.listen(port, '127.0.0.1'), 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
}
