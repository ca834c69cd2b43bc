import { escapeHtml } from '../http/html.ts'
import { demoPage } from './demo-page.ts'

/** A page of the sample application for signed-in users: what the access token says about them. */
export function accountPage(
  user: string | readonly string[] | undefined,
  claims: Readonly<Record<string, unknown>>,
): string {
  const json = JSON.stringify(claims, undefined, 2)
  return demoPage({
    title: 'Your account',
    shape: 'wide',
    body: `<h1>Your account</h1>
<section><h2>From the gateway's header</h2><p><code>X-User: ${escapeHtml(String(user ?? 'none'))}</code></p></section>
<section><h2>From the access token</h2><pre id="claims">${escapeHtml(json)}</pre></section>
<p><a href="/">Back</a></p>`,
  })
}
