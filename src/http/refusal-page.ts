import type { Reason } from '../domain/reason.ts'
import type { Lack } from '../domain/requirement.ts'
import { returnToForm, returnToTarget } from '../domain/return-to.ts'
import { stepUpParameters, type StepUp } from '../domain/step-up.ts'
import type { Entrance } from './entrance.ts'
import { keptFormPage } from './form-page.ts'
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
    const loginHref = stepUpHref(returnToForm(keptForm.id), extra)
    return keptFormPage({ sealed: keptForm.sealed, loginHref })
  }
  const { ways, ...text } = textOf(entrance, reason, extra)
  const returnTo = extra.retryUrl ?? returnToOf(entrance)
  const way = (wayOn: WayOn): Way => ({
    label: LABEL_OF_WAY[wayOn],
    ...linkOf(wayOn, { returnTo, entrance, extra }),
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

/** A login link that comes back to a local path. */
export function loginHref(
  returnTo: string,
  parameters: Readonly<Record<string, string>> = {},
): string {
  const query = new URLSearchParams(parameters)
  if (returnTo !== '/') query.set('return_to', returnTo)
  return query.size === 0 ? '/oauth2/login' : `/oauth2/login?${query}`
}

function stepUpHref(returnTo: string, { lack, stepUp }: RefusalPageExtra): string {
  const asked = lack?.reason === 'step_up_required' ? lack.stepUp : stepUp
  return loginHref(returnTo, asked === undefined ? {} : stepUpParameters(asked))
}

interface WayOut {
  readonly returnTo: string
  readonly entrance: Entrance
  readonly extra: RefusalPageExtra
}

function linkOf(way: WayOn, { returnTo, entrance, extra }: WayOut) {
  switch (way) {
    case 'step_up':
      return { href: stepUpHref(returnTo, extra) }
    case 'sign_in_apart':
      return { href: stepUpHref(returnTo, extra), inNewTab: true }
    default:
      return { href: hrefOf(way, returnTo, entrance) }
  }
}

function hrefOf(way: WayOn, returnTo: string, { endpoint }: Entrance): string {
  switch (way) {
    case 'home':
      return '/'
    case 'continue':
      return returnTo
    case 'other_account': // else a provider that remembers the user answers the same at once
      return loginHref(returnTo, { prompt: 'login' })
    case 'try_again':
      if (endpoint === undefined) return returnTo
      return endpoint === '/oauth2/logout' ? endpoint : loginHref(returnTo)
    default:
      return loginHref(returnTo)
  }
}

/** Back to the same page, but only if asking for it again changes nothing. */
function returnToOf({ route, target, method }: Entrance): string {
  if (route === undefined || target === undefined || method !== 'GET') return '/'
  return returnToTarget(target)
}
