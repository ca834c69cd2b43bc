import { bearerCredential } from '../domain/bearer-credential.ts'
import { requestFacts } from '../domain/request-facts.ts'
import type { Route } from '../domain/route.ts'
import {
  refusalOf,
  type Admission,
  type AdmissionQuestion,
  type AskedRequest,
  type Guard,
} from './admission.ts'
import { admitTicket, admitWithoutSession, anonymous, NO_SESSION } from './admit-session.ts'
import { admitBearer, type BearerAdmission } from './bearer-admission.ts'
import { identityOf } from './identity-admission.ts'

/**
 * Whether a request may pass, and with whose token. Answered at once from what this process knows; a promise only
 * when the store or the provider has to be asked. The promise never rejects.
 */
export function admit(
  guard: Guard,
  route: Route,
  request: AskedRequest,
): Admission | Promise<Admission> {
  const admission = judge(guard, route, request)
  if (route.identity === undefined) return admission
  return admission instanceof Promise
    ? admission.then((late) => withIdentity(guard, route, late))
    : withIdentity(guard, route, admission)
}

function withIdentity(
  { identityTokens }: Guard,
  { identity: rule }: Route,
  admission: Admission,
): Admission | Promise<Admission> {
  if (admission.kind !== 'forward' || rule === undefined || identityTokens === undefined)
    return admission
  const identity = identityOf(identityTokens, rule, admission)
  if (identity === undefined) return admission
  if (typeof identity === 'string') return { ...admission, identity }
  return identity.then((late): Admission => ({ ...admission, identity: late })).catch(refusalOf)
}

function judge(guard: Guard, route: Route, request: AskedRequest): Admission | Promise<Admission> {
  const facts = requestFacts(request.method ?? '', request.headers)
  const question: AdmissionQuestion = { guard, route, facts }
  if (route.access === 'public') return admitWithoutSession(question, NO_SESSION)
  const { session, bearer } = route.credentials
  if (bearer !== undefined) {
    const credential = bearerCredential(request.rawHeaders)
    if (credential.kind !== 'absent' || !session) {
      const admission = admitBearer(question, bearer, credential)
      if (!(admission instanceof Promise)) return withBearer(question, admission)
      return admission.then((late) => withBearer(question, late))
    }
  }
  const ticket = guard.sessionCookie.read(request.headers.cookie)
  if (ticket === undefined) return admitWithoutSession(question, NO_SESSION)
  return admitTicket(question, ticket)
}

/** The upstream gets the caller's own token, unless the route says that it gets another, or none. */
function withBearer(
  question: AdmissionQuestion,
  admission: BearerAdmission,
): Admission | Promise<Admission> {
  if (admission.kind !== 'forward') return admission
  const { via } = question.route.token
  if (via === 'none') return { ...admission, token: undefined }
  if (via !== 'client_credentials') return admission
  const service = anonymous(question)
  return service instanceof Promise
    ? service.then((late) => (late.kind === 'forward' ? { ...admission, token: late.token } : late))
    : service.kind === 'forward'
      ? { ...admission, token: service.token }
      : service
}
