import type { Reason } from '../domain/reason.ts'
import { returnToTarget } from '../domain/return-to.ts'
import type { Entrance } from './entrance.ts'
import { renderPage, type Way } from './page.ts'
import { LABEL_OF_WAY, LOGIN_CANCELLED, TEXT_OF_REASON, type WayOn } from './texts.ts'

export interface RefusalPageExtra {
  /** A checked local path to come back to. */
  readonly retryUrl?: string
  readonly page?: 'cancelled'
}

/** The page of a refusal: what happened, in plain words, and a way on. */
export function refusalPage(entrance: Entrance, reason: Reason, extra: RefusalPageExtra): string {
  const text = extra.page === 'cancelled' ? LOGIN_CANCELLED : TEXT_OF_REASON[reason].page
  const returnTo = extra.retryUrl ?? returnToOf(entrance)
  const way = (wayOn: WayOn): Way => ({
    label: LABEL_OF_WAY[wayOn],
    href: hrefOf(wayOn, returnTo, entrance),
  })
  return renderPage({
    title: text.title,
    paragraphs: text.paragraphs,
    icon: text.icon,
    ways: text.ways.map(way),
    requestId: entrance.requestId,
    host: entrance.site.publicUrl.host,
  })
}

/** A login link that comes back to a local path. */
export function loginHref(returnTo: string): string {
  return returnTo === '/'
    ? '/oauth2/login'
    : `/oauth2/login?return_to=${encodeURIComponent(returnTo)}`
}

function hrefOf(way: WayOn, returnTo: string, entrance: Entrance): string {
  if (way === 'home') return '/'
  if (way === 'continue') return returnTo
  if (way === 'try_again' && entrance.endpoint === undefined) return returnTo
  return loginHref(returnTo)
}

/** Back to the same page, but only if asking for it again changes nothing. */
function returnToOf({ route, target, method }: Entrance): string {
  if (route === undefined || target === undefined || method !== 'GET') return '/'
  return returnToTarget(target)
}
