import { createHash } from 'node:crypto'
import { escapeHtml } from '../http/html.ts'

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f2a; --soft: #5b6475; --paper: #fff; --desk: #f1f3f8;
  --line: #d9deea; --brand: #3c4bd6; --on-brand: #fff; --code: #f6f7fb }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eef0f6; --soft: #a4adbf; --paper: #1a1e29; --desk: #10131b;
    --line: #323949; --brand: #8f9bff; --on-brand: #10131b; --code: #131722 } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; background: var(--desk); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif }
main { max-width: 46rem; margin: 0 auto; padding: 2.5rem 1.25rem }
main.card { max-width: 25rem; padding-top: 12vh }
main.card > section { background: var(--paper); border: 1px solid var(--line); border-radius: 14px;
  padding: 2rem; box-shadow: 0 12px 32px rgb(20 25 60 / .09) }
section { background: var(--paper); border: 1px solid var(--line); border-radius: 12px;
  padding: 1.25rem 1.5rem; margin: 0 0 1.25rem }
h1 { font-size: 1.5rem; margin: 0 0 .4rem; line-height: 1.25 } h2 { font-size: 1.05rem; margin: 0 0 .5rem }
p { margin: .4rem 0 1rem } .soft { color: var(--soft) } small { color: var(--soft) }
a { color: var(--brand) }
label { display: block; font-weight: 600; margin: 1rem 0 .3rem }
input { width: 100%; font: inherit; padding: .6rem .75rem; border-radius: 8px; color: inherit;
  border: 1px solid var(--line); background: var(--code) }
button, a.button { display: inline-block; font: inherit; font-weight: 600; cursor: pointer;
  border-radius: 8px; padding: .55rem 1.1rem; border: 1px solid var(--brand); background: var(--brand);
  color: var(--on-brand); text-decoration: none; margin: 0 .4rem .5rem 0 }
main.card button { width: 100%; margin: 1.25rem 0 0 }
button.quiet { background: none; color: var(--brand); border-color: var(--line) }
main.card button.quiet { margin-top: .6rem }
:focus-visible { outline: 3px solid var(--brand); outline-offset: 2px }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 8px; padding: .8rem;
  overflow: auto; max-height: 24rem; font: 13px/1.5 ui-monospace, monospace; margin: .5rem 0 0 }
code { font: .9em ui-monospace, monospace } ul { padding-left: 1.2rem }
form.row { display: inline }
`

/** What the demo's pages may load: their own style and nothing of anybody else. */
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  // No form-action: browsers apply it to the redirects after a form too, and those lead back to the gateway.
  'content-security-policy':
    `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; script-src 'self'; connect-src 'self'; img-src data:; ` +
    `base-uri 'none'; frame-ancestors 'none'`,
  'referrer-policy': 'same-origin',
} as const

export interface DemoPage {
  readonly title: string
  /** Trusted markup; values in it went through `escapeHtml`. */
  readonly body: string
  readonly shape?: 'card' | 'wide'
}

/** A complete, self-contained page in the demo's look. */
export function demoPage({ title, body, shape = 'card' }: DemoPage): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body><main class="${shape}">${body}</main></body>
</html>
`
}
