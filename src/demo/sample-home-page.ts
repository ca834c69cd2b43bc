import { escapeHtml } from '../http/html.ts'
import { demoPage } from './demo-page.ts'

/** The sample application's home page, for a visitor (`undefined`) or somebody signed in. */
export function homePage(subject: string | undefined): string {
  return demoPage({
    title: 'Sample application',
    shape: 'wide',
    body: `<h1>Sample application</h1>
<p class="soft">This page comes from a backend that has no sign-in code at all.
Bearergate stands in front of it.</p>
${subject === undefined ? VISITOR : signedIn(subject)}
${TRY}`,
  })
}

const VISITOR = `<section><h2>You are not signed in</h2>
<p>The backend received no <code>Authorization</code> header.</p>
<a class="button" id="sign-in" href="/oauth2/login?return_to=/">Sign in</a></section>`

function signedIn(subject: string): string {
  return `<section><h2>Hello, <span id="subject">${escapeHtml(subject)}</span></h2>
<p>The backend knows you from the access token in the <code>Authorization</code> header. Your browser
never saw that token: it only holds a session cookie.</p>
<form class="row" method="post" action="/oauth2/logout"><button id="sign-out">Sign out</button></form>
</section>`
}

const TRY = `<section><h2>Call the API</h2>
<p><button id="call-api" data-get="/api/me">fetch('/api/me')</button>
<button class="quiet" id="call-echo" data-get="/api/echo?a=1">What did the API receive?</button>
<button class="quiet" id="ticks">Listen to an event stream</button></p>
<pre id="answer" aria-live="polite">Nothing called yet.</pre></section>
<section><h2>The session</h2>
<p><button class="quiet" id="show-session" data-get="/oauth2/session">Show it</button>
<button class="quiet" id="refresh" data-post="/oauth2/session/refresh">Refresh the access token</button></p>
<pre id="session" aria-live="polite">Not asked yet.</pre></section>
<section><h2>Pages</h2><ul>
<li><a id="protected-page" href="/account">/account</a>: protected, a visitor is sent to sign in</li>
<li><a href="/public/hello">/public/hello</a>: public, no token is sent even when you are signed in</li>
<li><a href="/nowhere">/nowhere</a>: no route leads there</li></ul></section>
<script src="/assets/demo.js"></script>`

/** Runs in the browser: the buttons of the page. */
export const HOME_SCRIPT = `'use strict'
const show = (id, text) => { document.getElementById(id).textContent = text }

async function call(button) {
  const { get, post } = button.dataset
  const target = (get ?? post).startsWith('/oauth2/') ? 'session' : 'answer'
  const response = await fetch(get ?? post, { method: post ? 'POST' : 'GET' })
  show(target, 'HTTP ' + response.status + '\\n' + readable(await response.text()))
}

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

for (const button of document.querySelectorAll('[data-get], [data-post]')) {
  button.addEventListener('click', () => call(button).catch((error) => show('answer', String(error))))
}

let stream
document.getElementById('ticks').addEventListener('click', () => {
  stream?.close()
  show('answer', 'listening …')
  stream = new EventSource('/api/ticks')
  stream.onmessage = (event) => show('answer', event.data)
  stream.onerror = () => {
    const isRefused = stream.readyState === EventSource.CLOSED
    show('answer', isRefused ? 'the stream was refused: sign in first' : 'the stream ended')
    stream.close()
  }
})
`
