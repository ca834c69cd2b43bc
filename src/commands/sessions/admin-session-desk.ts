import { request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import type { SessionRow } from '../../server/session-row.ts'
import { SessionDeskError, type SessionDesk } from './session-desk.ts'

const KNOCK_MS = 1_000 // the listener is on this machine, or near
const LIST_MS = 10_000
const END_MS = 120_000 // a hundred thousand sessions in a store far away
const PAGE = '500'

interface Asked {
  readonly method: 'GET' | 'POST'
  readonly body?: string
  readonly timeoutMs: number
}

interface Told {
  readonly status: number
  readonly type: string
  readonly text: string
}

/** Whether a gateway's admin listener answers there. */
export async function isGateway(origin: string): Promise<boolean> {
  try {
    const { status, type } = await ask(`${origin}/livez`, { method: 'GET', timeoutMs: KNOCK_MS })
    return status === 200 && type.startsWith('application/health+json')
  } catch {
    return false // refused, silent or no HTTP: nobody we know
  }
}

/** The sessions of a running gateway, by its admin listener. */
export function connectAdmin(origin: string): SessionDesk {
  return {
    async *list(whose) {
      let cursor: string | undefined
      do {
        const query = new URLSearchParams([...whose, ['limit', PAGE]])
        if (cursor !== undefined) query.set('cursor', cursor)
        const page = await answered<{ sessions: SessionRow[]; next?: string }>(
          `${origin}/sessions?${query}`,
          { method: 'GET', timeoutMs: LIST_MS },
        )
        yield* page.sessions
        cursor = page.next
      } while (cursor !== undefined)
    },
    async end(whose) {
      const { ended } = await answered<{ ended: number }>(`${origin}/sessions/end`, {
        method: 'POST',
        body: new URLSearchParams([...whose]).toString(),
        timeoutMs: END_MS,
      })
      return ended
    },
    async close() {},
  }
}

async function answered<Body>(url: string, asked: Asked): Promise<Body> {
  const told = await ask(url, asked).catch((cause: unknown) => {
    throw new SessionDeskError(`no answer from ${new URL(url).origin}: ${explain(cause)}`, {
      cause,
    })
  })
  const { status, type, text } = told
  if (status === 200 && type.startsWith('application/json')) return JSON.parse(text) as Body
  throw new SessionDeskError(`${new URL(url).origin} answered ${status}: ${problem(told)}`)
}

function problem({ type, text }: Told): string {
  if (!type.startsWith('application/problem+json')) return 'not a gateway that lists sessions'
  const { reason, detail } = JSON.parse(text) as Record<string, unknown>
  return `${String(reason)}, ${String(detail)}`
}

function explain(cause: unknown): string {
  const { code, message } = cause as { code?: unknown; message?: unknown }
  return String(code ?? message)
}

function ask(url: string, { method, body, timeoutMs }: Asked): Promise<Told> {
  const headers = body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs)
    const asking = request(url, { method, headers, agent: false, signal }, (response) => {
      read(response).then(resolve, reject)
    })
    asking.on('error', reject)
    asking.end(body)
  })
}

async function read(response: IncomingMessage): Promise<Told> {
  let text = ''
  for await (const part of response.setEncoding('utf8') as AsyncIterable<string>) text += part
  const { statusCode = 0, headers } = response
  return { status: statusCode, type: headers['content-type'] ?? '', text }
}
