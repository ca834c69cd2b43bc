import type { Reason } from '../domain/reason.ts'
import type { Lack } from '../domain/requirement.ts'
import { returnToForm, returnToTarget } from '../domain/return-to.ts'
import { stepUpParameters, type StepUp } from '../domain/step-up.ts'
import type { Entrance } from './entrance.ts'
import { keptFormPage } from './form-page.ts'
import { loginAtParameter, loginHref } from './login-href.ts'
import type { Page, Way } from './page.ts'
import { FORM_LOST, RELOAD_TO_SEND } from './texts/form-texts.ts'
import { LOGIN_CANCELLED } from './texts/login-texts.ts'
import { TEXT_OF_REASON } from './texts/reason-texts.ts'
import { LABEL_OF_WAY, type PageText, type WayOn } from './texts/refusal-text.ts'

const LOGIN_WAYS: ReadonlySet<WayOn> = new Set(['sign_in', 'sign_in_again', 'step_up'])

const BEFORE_UPSTREAM: ReadonlySet<Reason> = new Set([
  'store_unavailable',
  'provider_unavailable',
  'overloaded',
])

export interface RefusalPageExtra {
  /** A checked local path to come back to. */
  readonly retryUrl?: string
  readonly providerError?: string
  readonly lack?: Lack
  readonly stepUp?: StepUp
  /** The form that was refused, sealed: it can be sent after a login. */
  readonly keptForm?: { readonly id: string; readonly sealed: string }
  /** The `provider` that a login has to name; default: what the route says. */
  readonly loginAt?: string | undefined
}

/** The page of a refusal: what happened, in plain words, and a way on. */
export function refusalPage(entrance: Entrance, reason: Reason, extra: RefusalPageExtra): Page {
  return {
    ...contentOf(entrance, reason, extra),
    requestId: entrance.requestId,
    host: entrance.site.publicUrl.host,
    ...(extra.providerError === undefined ? {} : { errorCode: extra.providerError }),
  }
}

function contentOf(
  entrance: Entrance,
  reason: Reason,
  extra: RefusalPageExtra,
): Omit<Page, 'requestId' | 'host'> {
  const { keptForm } = extra
  if (keptForm !== undefined) {
    const wanted = wantedOf(entrance, extra)
    const href = loginHref(returnToForm(keptForm.id), { ...wanted.stepUp, ...wanted.at })
    return keptFormPage({ sealed: keptForm.sealed, loginHref: href })
  }
  const { ways, ...text } = textOf(entrance, reason, extra)
  const returnTo = extra.retryUrl ?? returnToOf(entrance)
  const way = (wayOn: WayOn): Way => ({
    label: LABEL_OF_WAY[wayOn],
    ...linkOf(wayOn, entrance, { returnTo, ...wantedOf(entrance, extra) }),
  })
  return { ...text, ways: ways.map(way) }
}

function textOf(entrance: Entrance, reason: Reason, { providerError }: RefusalPageExtra): PageText {
  if (reason === 'login_refused' && providerError === 'access_denied') return LOGIN_CANCELLED
  const { page } = TEXT_OF_REASON[reason]
  return isSending(entrance) ? textOfUnsent(reason, page) : page
}

function isSending({ route, method }: Entrance): boolean {
  return route !== undefined && method !== 'GET' && method !== 'HEAD'
}

/** Of what was sent to a route and did not get there: who hears only of the obstacle takes it for sent. */
function textOfUnsent(reason: Reason, page: PageText): PageText {
  if (page.ways.some((way) => LOGIN_WAYS.has(way))) return FORM_LOST
  if (!BEFORE_UPSTREAM.has(reason)) return page
  return { ...page, paragraphs: [...page.paragraphs, RELOAD_TO_SEND], ways: [] }
}

type Parameters = Readonly<Record<string, string>>

/** What a login has to say to help here. */
interface WantedLogin {
  readonly stepUp: Parameters
  /** Which provider, where that has to be said. */
  readonly at: Parameters
}

function wantedOf({ route }: Entrance, { lack, stepUp, loginAt }: RefusalPageExtra): WantedLogin {
  const asked = lack?.reason === 'step_up_required' ? lack.stepUp : stepUp
  return {
    stepUp: asked === undefined ? {} : stepUpParameters(asked),
    at: loginAtParameter(loginAt ?? route?.loginAt),
  }
}

interface WayOut extends WantedLogin {
  readonly returnTo: string
}

function linkOf(way: WayOn, entrance: Entrance, out: WayOut) {
  const { returnTo, stepUp, at } = out
  switch (way) {
    case 'step_up':
      return { href: loginHref(returnTo, { ...stepUp, ...at }) }
    case 'sign_in_apart':
      return { href: loginHref(returnTo, { ...stepUp, ...at }), inNewTab: true }
    default:
      return { href: hrefOf(way, entrance, out) }
  }
}

function hrefOf(way: WayOn, { endpoint }: Entrance, { returnTo, at }: WayOut): string {
  switch (way) {
    case 'home':
      return '/'
    case 'continue':
      return returnTo
    case 'other_account': // else a provider that remembers the user answers the same at once
      return loginHref(returnTo, { prompt: 'login', ...at })
    case 'try_again':
      if (endpoint === undefined) return returnTo
      return endpoint === '/oauth2/logout' ? endpoint : loginHref(returnTo, at)
    default:
      return loginHref(returnTo, at)
  }
}

/** Back to the same page, but only if asking for it again changes nothing. */
function returnToOf({ route, target, method }: Entrance): string {
  if (route === undefined || target === undefined || method !== 'GET') return '/'
  return returnToTarget(target)
}
