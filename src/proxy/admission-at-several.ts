import { bearerCredential } from '../domain/bearer-credential.ts'
import type { Route } from '../domain/route.ts'
import { refusalOf, type Admission, type AskedRequest, type Guard } from './admission.ts'
import { admit } from './admit.ts'
import type { ProxyContext } from './proxy-context.ts'

/** Whether a request may pass one route. Answers as `admit` does. */
export type Admit = (request: AskedRequest) => Admission | Promise<Admission>

/** The guard's question for one route: of the session of its provider, or of all those that its providers gave. */
export function admissionTo(route: Route, proxy: ProxyContext): Admit {
  const { guards } = proxy
  return guards === undefined
    ? (request) => admit(proxy, route, request)
    : (request) => admitAtSeveral({ proxy, guards }, route, request)
}

interface SeveralGuards {
  /** For whoever has no session, or a token of their own. */
  readonly proxy: Guard
  readonly guards: readonly Guard[]
}

function admitAtSeveral(
  { proxy, guards }: SeveralGuards,
  route: Route,
  request: AskedRequest,
): Admission | Promise<Admission> {
  if (!looksAtSessions(route, request)) return admit(proxy, route, request)
  const { cookie } = request.headers
  const held = guards.filter(({ sessionCookie }) => sessionCookie.read(cookie) !== undefined)
  const [sole = proxy, another] = held
  if (another === undefined) return admit(sole, route, request)
  return amongSessions(held, route, request).catch(refusalOf)
}

/** Not where nobody's session counts, nor where a token comes along, which counts alone (AT-39). */
function looksAtSessions({ access, credentials }: Route, { rawHeaders }: AskedRequest): boolean {
  if (access === 'public' || !credentials.session) return false
  return credentials.bearer === undefined || bearerCredential(rawHeaders).kind === 'absent'
}

/** The newest session that is enough counts: who signed in again did so to be that person. Else what the newest lacks. */
async function amongSessions(
  held: readonly Guard[],
  route: Route,
  request: AskedRequest,
): Promise<Admission> {
  const newestFirst = await byNewestSession(held, request)
  let refusal: Admission | undefined
  for (const guard of newestFirst) {
    const admission = await admit(guard, route, request)
    if (admission.kind === 'forward' && admission.session !== undefined) return admission
    refusal ??= admission
  }
  return refusal ?? admit(held[0]!, route, request)
}

async function byNewestSession(
  held: readonly Guard[],
  { headers }: AskedRequest,
): Promise<readonly Guard[]> {
  const found = await Promise.all(
    held.map(async (guard) => {
      const ticket = guard.sessionCookie.read(headers.cookie)
      const session = ticket && (await guard.sessions.find(ticket, 'passive'))
      return session !== undefined && 'record' in session
        ? [{ guard, createdAtMs: session.record.createdAtMs }]
        : []
    }),
  )
  const live = found.flat().sort((a, b) => b.createdAtMs - a.createdAtMs)
  return live.map(({ guard }) => guard)
}
