import type { Reason } from '../domain/reason.ts'
import type { Lack } from '../domain/requirement.ts'
import { returnToTarget } from '../domain/return-to.ts'
import { stepUpParameters, type StepUp } from '../domain/step-up.ts'
import type { Entrance } from './entrance.ts'
import type { Page, Way } from './page.ts'
import { LOGIN_CANCELLED } from './texts/login-texts.ts'
import { TEXT_OF_REASON } from './texts/reason-texts.ts'
import { LABEL_OF_WAY, type PageText, type WayOn } from './texts/refusal-text.ts'

export interface RefusalPageExtra {
  /** A checked local path to come back to. */
  readonly retryUrl?: string
  readonly providerError?: string
  readonly lack?: Lack
  readonly stepUp?: StepUp
}

/** The page of a refusal: what happened, in plain words, and a way on. */
export function refusalPage(entrance: Entrance, reason: Reason, extra: RefusalPageExtra): Page {
  const text = textOf(reason, extra.providerError)
  const returnTo = extra.retryUrl ?? returnToOf(entrance)
  const way = (wayOn: WayOn): Way => ({
    label: LABEL_OF_WAY[wayOn],
    href: wayOn === 'step_up' ? stepUpHref(returnTo, extra) : hrefOf(wayOn, returnTo, entrance),
  })
  return {
    title: text.title,
    paragraphs: text.paragraphs,
    icon: text.icon,
    ways: text.ways.map(way),
    requestId: entrance.requestId,
    host: entrance.site.publicUrl.host,
    ...(extra.providerError === undefined ? {} : { errorCode: extra.providerError }),
  }
}

function textOf(reason: Reason, providerError: string | undefined): PageText {
  const isCancelled = reason === 'login_refused' && providerError === 'access_denied'
  return isCancelled ? LOGIN_CANCELLED : TEXT_OF_REASON[reason].page
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
