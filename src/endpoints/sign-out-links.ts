import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Way } from '../http/page.ts'
import type { ProviderEntry } from '../http/provider-entry.ts'
import { SIGNED_OUT, SIGNED_OUT_HERE } from '../http/texts/own-page-texts.ts'
import { endSessionRequest } from '../oidc/end-session-request.ts'
import type { LogoutState } from './logout-state.ts'
import { sendPage } from './own-page.ts'

/** A provider that may still know the user. */
export interface SignedInThere {
  readonly entry: ProviderEntry
  /** The hint that spares the user a question; absent: they are asked. */
  readonly idToken?: string | undefined
}

export interface SignOutLinksOptions {
  readonly logoutState: LogoutState
  /** A local path that was checked. */
  readonly returnTo?: string | undefined
}

/**
 * One link for each provider that has a place to sign out at (OpenID Connect RP-Initiated Logout §2). The way back leads to a
 * page with the others.
 */
export function signOutLinks(
  there: readonly SignedInThere[],
  { logoutState, returnTo }: SignOutLinksOptions,
): Way[] {
  return there.flatMap(({ entry, idToken }) => {
    const rest = there.map((one) => one.entry.name).filter((name) => name !== entry.name)
    const state = logoutState.seal({ ...(returnTo === undefined ? {} : { returnTo }), rest })
    const hint = idToken === undefined ? {} : { idToken }
    const href = endSessionRequest(entry.provider, { ...hint, state })
    return href === undefined ? [] : [{ label: `${SIGNED_OUT_HERE.signOut} ${entry.title}`, href }]
  })
}

/** The page of somebody who is signed out here and may not be elsewhere. */
export function sendSignedOutHere(
  request: FastifyRequest,
  reply: FastifyReply,
  links: readonly Way[],
  place: string | undefined,
): FastifyReply {
  const { title, paragraphs, icon, goOn } = SIGNED_OUT_HERE
  const onward =
    place === undefined
      ? { label: SIGNED_OUT.signIn, href: '/oauth2/login' }
      : { label: goOn, href: place }
  return sendPage(request, reply, {
    title,
    paragraphs,
    icon,
    ways: [...links, onward],
    equalWays: true,
  })
}
