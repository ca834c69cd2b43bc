import { once } from 'node:events'
import { WebSocket } from 'ws'
import { startBulkUpstream } from '../support/bulk-upstream.ts'
import {
  download,
  grownBytes,
  openDownload,
  untilStill,
  upload,
  uploadUntilStuck,
  type TransferTarget,
} from '../support/large-transfers.ts'
import { startSeededGateway } from '../support/seeded-gateway.ts'
import { createClosers } from './closers.ts'
import { median } from './spread.ts'

/**
 * What long and large transfers take of a gateway process: `npm run bench:streams [MiB] [WebSockets]`. Every request has a session.
 */
const [mebibytes = 1_024, socketCount = 1_000] = process.argv.slice(2).map(Number)
const MIB = 2 ** 20
const BYTES = mebibytes * MIB
const ROUNDS = 3
const EVENT_STREAMS = 400

const closers = createClosers()
const upstream = await startBulkUpstream(closers)
const gateway = await startSeededGateway(closers, {
  routes: [{ path: '/*', upstream: upstream.origin, maxBody: '2GiB', websocket: true }],
})
const { cookie } = await gateway.signIn('alice')
const target: TransferTarget = { origin: gateway.origin, cookie }
const direct: TransferTarget = { origin: upstream.origin, cookie }

for (let round = 1; round <= ROUNDS; round++) {
  const which = round === 1 ? 'the first of this process' : 'again'
  await tellMemory(`download of ${mebibytes} MiB, ${which}`, () => whole(download(target, BYTES)))
  await tellMemory(`upload of ${mebibytes} MiB, ${which}`, () => whole(upload(target, BYTES)))
}
await tellMemory('a client that reads nothing', unread)
await tellMemory('an upstream that reads nothing', async () => {
  console.log(`  the client could send ${mib(await uploadUntilStuck(target, BYTES))} MiB`)
})
await tellEvents()
await tellWebSockets()
await closers.closeAll()
process.exit(0)

async function tellMemory(name: string, work: () => Promise<unknown>): Promise<void> {
  const startedAtMs = performance.now()
  const bytes = await grownBytes(gateway.pid, work)
  const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1)
  console.log(`${name}: resident memory + ${mib(bytes)} MiB (${seconds} s)`)
}

async function whole(work: Promise<number>): Promise<void> {
  const bytes = await work
  if (bytes !== BYTES) throw new Error(`${bytes} of ${BYTES} octets`)
}

async function unread(): Promise<void> {
  const answer = await openDownload(target, BYTES)
  await untilStill(upstream.sentBytes)
  console.log(`  the upstream could send ${mib(upstream.sentBytes())} MiB`)
  answer.destroy()
}

/** From asking to the first event, directly and through the gateway in turns. */
async function tellEvents(): Promise<void> {
  const [ours, theirs]: [number[], number[]] = [[], []]
  for (let round = 0; round < EVENT_STREAMS; round++) {
    theirs.push(await firstEventMs(direct))
    ours.push(await firstEventMs(target))
  }
  const [through, straight] = [median(ours), median(theirs)]
  const more = (through - straight).toFixed(2)
  console.log(
    `first event: ${through.toFixed(2)} ms, directly ${straight.toFixed(2)} ms: + ${more} ms`,
  )
}

async function firstEventMs({ origin, cookie }: TransferTarget): Promise<number> {
  const startedAtMs = performance.now()
  const { body } = await fetch(`${origin}/events`, { headers: { cookie } })
  const reader = body?.getReader()
  await reader?.read()
  const tookMs = performance.now() - startedAtMs
  await reader?.read() // to the end: the connection serves the next one
  return tookMs
}

async function tellWebSockets(): Promise<void> {
  await openWebSockets(50).then(closeAll)
  const sockets: WebSocket[] = []
  await tellMemory(`${socketCount} idle WebSockets`, async () => {
    while (sockets.length < socketCount) sockets.push(...(await openWebSockets(50)))
  })
  console.log(`  ${upstream.webSockets()} of them reach the upstream`)
  await closeAll(sockets)
}

async function openWebSockets(count: number): Promise<WebSocket[]> {
  const address = `${gateway.origin.replace('http', 'ws')}/ws`
  const headers = { cookie, origin: gateway.origin }
  const sockets = Array.from({ length: count }, () => new WebSocket(address, { headers }))
  await Promise.all(sockets.map((socket) => once(socket, 'open')))
  return sockets
}

async function closeAll(sockets: readonly WebSocket[]): Promise<void> {
  const closed = sockets.map((socket) => once(socket, 'close'))
  for (const socket of sockets) socket.close()
  await Promise.all(closed)
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1)
}
