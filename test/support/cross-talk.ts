import { Pool, type Dispatcher } from 'undici'
import { markOf, startFickleUpstream } from './fickle-upstream.ts'
import { startSeededGateway, type SeededGateway, type SeededUser } from './seeded-gateway.ts'

export interface CrossTalkPlan {
  readonly users: number
  readonly requests: number
  /** Requests under way at one time. */
  readonly atOnce: number
}

/** What became of the requests. */
export interface CrossTalk {
  /** Whole, and the caller's own. */
  whole: number
  /** The caller's own as far as it came, then broken off. */
  cut: number
  /** The gateway's own words: 502 and 503. */
  refused: number
  /** The caller left. */
  left: number
  /** Anything else: another user's answer, a mix, an unknown status. Must be none. */
  readonly wrong: string[]
}

interface Owner {
  teardown(close: () => unknown): unknown
}

interface Call {
  readonly user: SeededUser
  readonly path: string
  readonly body: string
  /** After how many octets of an answer the caller leaves; absent: never. */
  readonly leavesAfterBytes: number | undefined
}

const LONGEST_BODY = 3_000

/** Many users at one gateway, over connections they share, while callers leave and the upstream breaks. */
export async function runCrossTalk(
  t: Owner,
  { users, requests, atOnce }: CrossTalkPlan,
): Promise<{ readonly outcome: CrossTalk; readonly gateway: SeededGateway }> {
  const upstream = await startFickleUpstream(t)
  const gateway = await startSeededGateway(t, { routes: [{ path: '/*', upstream }] })
  const people = await Promise.all(
    Array.from({ length: users }, (_, at) => gateway.signIn(`user-${at}`)),
  )
  const pool = new Pool(gateway.origin, { connections: atOnce, pipelining: 1 })
  t.teardown(() => pool.destroy())
  const outcome: CrossTalk = { whole: 0, cut: 0, refused: 0, left: 0, wrong: [] }
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < requests) {
      const number = next++
      await carryOut(pool, callOf(number, people), outcome)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return { outcome, gateway }
}

function callOf(number: number, people: readonly SeededUser[]): Call {
  const user = people[Math.floor(Math.random() * people.length)] as SeededUser
  const leaves = Math.random() < 0.15
  return {
    user,
    path: `/${number}`,
    body: number % 3 === 0 ? user.subject.repeat(Math.random() * (LONGEST_BODY / 8)) : '',
    leavesAfterBytes: leaves ? Math.floor(Math.random() * 2_000) : undefined,
  }
}

async function carryOut(pool: Pool, call: Call, outcome: CrossTalk): Promise<void> {
  const { user, path, body, leavesAfterBytes } = call
  const leaving = new AbortController()
  if (leavesAfterBytes !== undefined && leavesAfterBytes % 4 === 0)
    setImmediate(() => leaving.abort())
  const heard: Heard = { status: 0, caller: undefined, text: '' }
  try {
    const answer = await pool.request({
      path,
      method: body === '' ? 'GET' : 'POST',
      headers: { cookie: user.cookie, 'sec-fetch-site': 'same-origin' },
      body: body === '' ? null : body,
      signal: leaving.signal,
    })
    heard.status = answer.statusCode
    heard.caller = answer.headers['x-caller']
    await listen(answer, heard, leavesAfterBytes, leaving)
    count(call, heard, outcome, 'whole')
  } catch {
    count(call, heard, outcome, leaving.signal.aborted ? 'left' : 'cut')
  }
}

interface Heard {
  status: number
  caller: string | string[] | undefined
  text: string
}

async function listen(
  { body }: Dispatcher.ResponseData,
  heard: Heard,
  leavesAfterBytes: number | undefined,
  leaving: AbortController,
): Promise<void> {
  for await (const part of body.setEncoding('utf8')) {
    heard.text += String(part)
    if (leavesAfterBytes !== undefined && heard.text.length >= leavesAfterBytes) leaving.abort()
  }
}

function count(call: Call, heard: Heard, outcome: CrossTalk, end: 'whole' | 'cut' | 'left'): void {
  const isRefusal = heard.status === 502 || heard.status === 503
  if (isRefusal && heard.text.startsWith('{"type":"urn:bearergate:reason:')) {
    outcome.refused += 1
  } else if (heard.status === 0 || isOwn(call, heard, end)) {
    outcome[heard.status === 0 && end !== 'left' ? 'cut' : end] += 1
  } else {
    outcome.wrong.push(`${call.path} of ${call.user.subject}: ${heard.status} ${heard.text}`)
  }
}

/** Every octet of it, and to the end when the answer was whole. */
function isOwn(
  call: Call,
  { status, caller, text }: Heard,
  end: 'whole' | 'cut' | 'left',
): boolean {
  const authorization = `Bearer ${call.user.token}`
  if (caller !== authorization) return false
  if (status === 204) return text === ''
  const mark = markOf(authorization, call.path, call.body)
  const times = Math.ceil(text.length / mark.length)
  if (status !== 200 || !mark.repeat(times).startsWith(text)) return false
  return end !== 'whole' || (text.length > 0 && text.length % mark.length === 0)
}
