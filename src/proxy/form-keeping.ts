import type { FastifyReply, FastifyRequest } from 'fastify'
import { formFields, MAX_KEPT_FORM_BYTES, mayKeepForm } from '../domain/kept-form.ts'
import { STATUS_OF_REASON } from '../domain/reason.ts'
import { requestFacts } from '../domain/request-facts.ts'
import type { Route } from '../domain/route.ts'
import { entranceOf } from '../http/entrance.ts'
import type { FormSeal } from '../http/form-seal.ts'
import type { SessionCookie } from '../http/session-cookie.ts'
import type { Admission } from './admission.ts'
import { boundedBody } from './form-body.ts'
import { turnAway } from './turn-away.ts'

export interface FormKeepingOptions {
  readonly formSeal: FormSeal
  /** Of every provider, by name. */
  readonly sessionCookies: ReadonlyMap<string, SessionCookie>
  readonly publicUrl: URL
  /** 22 characters of base64url: 128 random bits. */
  readonly formId: () => string
}

export interface FormKeeping {
  /** True when it answers the refused request, with its form in the answer: for after the login. */
  keep(refused: RefusedForm): boolean
}

export interface RefusedForm {
  readonly route: Route
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly admission: Refusal
}

type Refusal = Extract<Admission, { kind: 'refuse' }>

const MAX_READING = 64 // 4 MiB for people who are not signed in; beyond that forms are not kept for a moment
const READING_DEADLINE_MS = 10_000 // 64 KiB on a line of 56 kbit/s

/**
 * Forms that arrive when a login is all that is missing. They are kept by nobody but the browser that sent them: read within
 * bounds, sealed, and given back in the page that tells of it. Nothing is stored here (STANDARDS SE-10).
 */
export function createFormKeeping(options: FormKeepingOptions): FormKeeping {
  let reading = 0
  async function answer(form: RefusedForm): Promise<void> {
    reading += 1
    const body = await boundedBody(form.request.raw, boundsOf(form.route)).finally(() => {
      reading -= 1
    })
    const isWhole = body !== undefined && formFields(body) !== undefined
    const { request, reply, admission } = form
    turnAway(request, reply, admission.reason, {
      ...admission,
      ...(isWhole ? { keptForm: sealed(form, body, options) } : {}),
      // Node would wait for the rest of a body that was begun and left.
      ...(request.raw.complete ? {} : { headers: { connection: 'close' } }),
    })
  }
  return {
    keep(form) {
      if (reading >= MAX_READING || !isKeepable(form, options.publicUrl)) return false
      answer(form).catch((error: unknown) => form.reply.send(error))
      return true
    },
  }
}

function isKeepable({ route, request, admission }: RefusedForm, publicUrl: URL): boolean {
  if (admission.credential !== undefined) return false
  if (STATUS_OF_REASON[admission.reason] !== 401) return false
  const { method, target } = entranceOf(request.raw)
  const { headers } = request
  const facts = requestFacts(method, headers)
  return mayKeepForm(route, { facts, headers, target }, publicUrl.origin)
}

function boundsOf({ maxBodyBytes }: Route) {
  return {
    maxBytes: Math.min(MAX_KEPT_FORM_BYTES, maxBodyBytes),
    deadlineMs: READING_DEADLINE_MS,
  }
}

function sealed(
  { request, route }: RefusedForm,
  body: string,
  { formSeal, sessionCookies, formId }: FormKeepingOptions,
) {
  const { path, query } = entranceOf(request.raw).target ?? { path: '/', query: '' }
  const owner = ownerOf(request.headers.cookie, route, sessionCookies)
  const providers = route.providers.join(',')
  const id = formId()
  const form = {
    id,
    target: path + query,
    body,
    ...(owner === undefined ? {} : { owner }),
    ...(providers === '' ? {} : { providers }),
  }
  return { id, sealed: formSeal.seal(form) }
}

/** Whoever signed in last of those whose sessions the route takes. */
function ownerOf(
  cookie: string | undefined,
  { providers }: Route,
  sessionCookies: FormKeepingOptions['sessionCookies'],
): string | undefined {
  const tickets = providers.flatMap((name) => sessionCookies.get(name)?.read(cookie) ?? [])
  return tickets.sort((a, b) => b.writtenAtMs - a.writtenAtMs)[0]?.owner
}
