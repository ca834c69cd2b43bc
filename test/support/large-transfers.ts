import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { request, type IncomingMessage } from 'node:http'

/** Where large bodies go, and as whom. */
export interface TransferTarget {
  readonly origin: string
  readonly cookie: string
}

const CHUNK = Buffer.alloc(65_536, 'x')
const STILL_MS = 500 // a flow that has not moved for so long has come to its end

/** Reads an answer of so many octets; answers how many came. */
export async function download(target: TransferTarget, bytes: number): Promise<number> {
  const answer = await openDownload(target, bytes)
  let receivedBytes = 0
  for await (const part of answer) receivedBytes += (part as Buffer).length
  return receivedBytes
}

/** An answer under way of which nothing was read yet. */
export async function openDownload(
  { origin, cookie }: TransferTarget,
  bytes: number,
): Promise<IncomingMessage> {
  const asking = request(`${origin}/down/${bytes}`, { headers: { cookie }, agent: false }).end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  return answer
}

/** Sends so many octets; answers what the upstream says of them. */
export async function upload(target: TransferTarget, bytes: number): Promise<number> {
  const sending = post(target, '/up', bytes)
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>
  for (let sentBytes = 0; sentBytes < bytes; sentBytes += CHUNK.length) {
    if (!sending.write(CHUNK.subarray(0, bytes - sentBytes))) await once(sending, 'drain')
  }
  sending.end()
  const [answer] = await answered
  let text = ''
  for await (const part of answer.setEncoding('utf8')) text += part
  return Number(text)
}

/** Sends until nothing moves any more, to an upstream that does not read; answers how many octets left. */
export async function uploadUntilStuck(target: TransferTarget, bytes: number): Promise<number> {
  const sending = post(target, '/stuck', bytes)
  sending.on('error', () => {})
  let sentBytes = 0
  const more = (): void => {
    while (sentBytes < bytes) {
      sentBytes += CHUNK.length
      if (!sending.write(CHUNK)) return void sending.once('drain', more)
    }
  }
  more()
  await untilStill(() => sentBytes)
  sending.destroy()
  return sentBytes
}

/** Resolves when the number has not changed for a while. */
export async function untilStill(read: () => number): Promise<void> {
  for (let before = NaN; before !== read();) {
    before = read()
    await new Promise((resolve) => setTimeout(resolve, STILL_MS))
  }
}

/** Largest resident memory of a process while something happens, above what it was at the start, in octets. */
export async function grownBytes(pid: number, work: () => Promise<unknown>): Promise<number> {
  const startBytes = residentBytes(pid)
  let mostBytes = startBytes
  const look = (): void => void (mostBytes = Math.max(mostBytes, residentBytes(pid)))
  const timer = setInterval(look, 20)
  await work().finally(() => clearInterval(timer))
  look()
  return mostBytes - startBytes
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024
}

function post({ origin, cookie }: TransferTarget, path: string, bytes: number) {
  const headers = { cookie, 'content-length': bytes, 'sec-fetch-site': 'same-origin' }
  return request(origin + path, { method: 'POST', headers, agent: false })
}
