import { createBrowser } from '../../support/browser-jar.ts'
import type { Echo } from '../../support/faults-echo-upstream.ts'
import { signIn } from '../../support/openid-provider.ts'
import type { Ledger } from './ledger.ts'

export interface SoakLogin {
  readonly name: string
  readonly publicOrigin: string
  readonly ledger: Ledger
}

/** Signs in with a fresh browser, through whatever the balancer chooses: the cookie, if that went well. */
export async function tryLogin({
  name,
  publicOrigin,
  ledger,
}: SoakLogin): Promise<string | undefined> {
  const sentMs = performance.now()
  const browser = createBrowser()
  const failed = (what: string): undefined => {
    const sender = { name, signedInAtMs: sentMs, through: 'the balancer' }
    ledger.refused(what, sender, { sentMs, atMs: performance.now() })
  }
  try {
    const page = await signIn(browser, `${publicOrigin}/api/hello`, name)
    if (page.status >= 500) return failed('login failed')
    if (page.status !== 200) return failed(`login answered ${page.status} at ${page.url}`)
    const { subject } = page.json() as Echo
    if (subject !== name) return failed(`login as ${subject}`)
    ledger.count('logins')
    return [...browser.cookies(publicOrigin)].map((pair) => pair.join('=')).join('; ')
  } catch (cause) {
    return failed(isConnectionLoss(cause) ? 'login failed' : `login failed by ${String(cause)}`)
  } finally {
    await browser.close()
  }
}

const CONNECTION_LOSSES = new Set(['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/** The connection failed, not the answer. */
export function isConnectionLoss(cause: unknown): boolean {
  return CONNECTION_LOSSES.has(String((cause as { code?: unknown }).code))
}
