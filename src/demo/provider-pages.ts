import { escapeHtml } from '../http/html.ts'
import { demoPage } from './demo-page.ts'

const BADGE = '<p class="soft">Demo provider</p>'

/** The sign-in form: any name works, and a real click is needed. */
export function signInPage(action: string, hint: string): string {
  return demoPage({
    title: 'Sign in',
    body: `<section>${BADGE}<h1>Sign in</h1>
<p class="soft">Any name works: nobody checks it here.</p>
<form method="post" action="${escapeHtml(action)}/login">
<label for="login">Name</label>
<input id="login" name="login" value="${escapeHtml(hint)}" autocomplete="username" autofocus required maxlength="64" pattern="[A-Za-z0-9._\\-]+" placeholder="alice">
<button id="sign-in">Sign in</button>
</form>
${cancelForm(action)}</section>`,
  })
}

/** The consent form: what the application will be able to do. */
export function consentPage(action: string, client: string, scopes: readonly string[]): string {
  const items = scopes.map((scope) => `<li><code>${escapeHtml(scope)}</code></li>`).join('')
  return demoPage({
    title: 'Allow access',
    body: `<section>${BADGE}<h1>Allow ${escapeHtml(client)}?</h1>
<p class="soft">It asks for:</p><ul>${items}</ul>
<form method="post" action="${escapeHtml(action)}/consent"><button id="allow">Allow</button></form>
${cancelForm(action)}</section>`,
  })
}

/** Asks before the provider's own session ends. `form` is the provider's, with its token inside. */
export function signOutPage(form: string): string {
  return demoPage({
    title: 'Sign out',
    body: `<section>${BADGE}<h1>Sign out here too?</h1>
<p class="soft">The application has signed you out already. This ends your session at the provider.</p>
${form}
<button id="sign-out" form="op.logoutForm" name="logout" value="yes">Sign out</button>
<button class="quiet" form="op.logoutForm">Stay signed in</button></section>`,
  })
}

/** Says one thing, in plain text. */
export function messagePage(title: string, text: string): string {
  return demoPage({
    title,
    body: `<section>${BADGE}<h1>${escapeHtml(title)}</h1><p class="soft">${escapeHtml(text)}</p></section>`,
  })
}

function cancelForm(action: string): string {
  return `<form method="post" action="${escapeHtml(action)}/cancel"><button class="quiet" id="cancel">Cancel</button></form>`
}
