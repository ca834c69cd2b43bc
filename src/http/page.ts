import { createHash } from 'node:crypto'
import { escapeHtml } from './html.ts'
import type { FormField } from '../domain/kept-form.ts'
import type { PageScript } from './page-scripts.ts'
import { PAGE_STYLE } from './page-style.ts'

/** One page of ours, in plain text: the layout escapes everything. */
export interface Page {
  readonly title: string
  readonly paragraphs: readonly string[]
  readonly icon: IconName
  /** The first is the one most people want. */
  readonly ways: readonly Way[]
  /** No way is more likely than another: shown below each other, as a list. */
  readonly equalWays?: true
  /** Shown so that a user can name it to the operator. */
  readonly requestId: string
  /** The provider's error code. */
  readonly errorCode?: string
  /** Whose page this is: the public host. */
  readonly host: string
  /** Local path to move on to at once, without a click. */
  readonly movesOnTo?: string
  /** A form that is not seen; a script or a way submits it. */
  readonly form?: PageForm
  readonly scripted?: ScriptedPage
}

export interface PageForm {
  /** A local path that was checked. */
  readonly postTo: string
  readonly fields: readonly FormField[]
}

/** What a page does where scripts run; everywhere else it is what it says. */
export interface ScriptedPage {
  readonly script: PageScript
  /** What the page says when the script has succeeded. */
  readonly instead: Pick<Page, 'title' | 'paragraphs' | 'ways'>
}

export type Way =
  | { readonly label: string; readonly href: string; readonly inNewTab?: boolean }
  | { readonly label: string; readonly postTo: string }
  /** The page's own form. */
  | { readonly label: string; readonly submits: true }

export type IconName = 'door' | 'clock' | 'check' | 'stop' | 'cloud' | 'map' | 'cookie'

const ICONS: Readonly<Record<IconName, string>> = {
  door: '<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>',
  clock: '<circle cx="12" cy="12" r="8.5"/><path d="M12 7.5V12l3 2"/>',
  check: '<path d="m5.5 12.5 4.2 4.2L18.5 8"/>',
  stop: '<circle cx="12" cy="12" r="8.5"/><path d="m6.2 6.2 11.6 11.6"/>',
  cloud:
    '<path d="M7.5 18.5a4 4 0 0 1-.6-7.9 5.5 5.5 0 0 1 10.6-.2 4.1 4.1 0 0 1-.5 8.1z"/><path d="M12 9.8v3M12 15.5v.01"/>',
  map: '<circle cx="12" cy="12" r="8.5"/><path d="m15.2 8.8-1.9 4.5-4.5 1.9 1.9-4.5z"/>',
  cookie:
    '<path d="M12 3.5a8.5 8.5 0 1 0 8.5 8.5 3.6 3.6 0 0 1-4.2-4.2A3.6 3.6 0 0 1 12 3.5z"/><path d="M9 10v.01M9.5 15v.01M14 14.5v.01"/>',
}

const STYLE_HASH = createHash('sha256').update(PAGE_STYLE).digest('base64')

/** A whole HTML document: self-contained, readable without style, and without its script if it has one. */
export function renderPage(page: Page): string {
  const title = escapeHtml(page.title)
  const errorCode =
    page.errorCode === undefined ? '' : ` · Error: <code>${escapeHtml(page.errorCode)}</code>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex">${movesOn(page.movesOnTo)}
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>${escapeHtml(page.host)}</header>
<main>
${renderContent(page, page.icon)}
</main>
<footer><p>Reference: <code>${escapeHtml(page.requestId)}</code>${errorCode}</p></footer>${renderForm(page.form)}${renderScripted(page)}
</body>
</html>
`
}

function renderContent(
  { title, paragraphs, ...choice }: Pick<Page, 'title' | 'paragraphs' | 'ways' | 'equalWays'>,
  icon: IconName,
): string {
  return `<span class="sign" aria-hidden="true"><svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round">${ICONS[icon]}</svg></span>
<h1>${escapeHtml(title)}</h1>
${paragraphs.map((text) => `<p>${escapeHtml(text)}</p>`).join('\n')}
${renderWays(choice)}`
}

/** In text areas: a hidden input named _charset_ would lose its value, and any input its line breaks (HTML §4.10.5, §4.10.18.5). */
function renderForm(form: PageForm | undefined): string {
  if (form === undefined) return ''
  const fields = form.fields.map(
    // Parsers drop the line break after the tag.
    ([name, value]) => `<textarea name="${escapeHtml(name)}">\n${escapeHtml(value)}</textarea>`,
  )
  return `\n<form id="form" method="post" action="${escapeHtml(form.postTo)}" accept-charset="utf-8" hidden>${fields.join('')}</form>`
}

function renderScripted({ scripted, icon }: Page): string {
  if (scripted === undefined) return ''
  const { script, instead } = scripted
  return `\n<template id="instead">${renderContent(instead, icon)}</template>\n<script>${script.code}</script>`
}

/**
 * The fields a page is sent with: nothing may be loaded, framed or opened from it
 * (STANDARDS ER-2, ER-9, AT-34).
 */
export function pageHeaders({
  ways,
  form,
  scripted,
}: Pick<Page, 'ways' | 'form' | 'scripted'>): Record<string, string> {
  const hasForm = form !== undefined || ways.some((way) => 'postTo' in way)
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    ...(scripted === undefined ? [] : [`script-src 'sha256-${scripted.script.hash}'`]),
    'img-src data:',
    // Checked for every redirect after the form too, and those of a sign-out lead to the provider.
    `form-action ${hasForm ? "'self' https: http:" : "'none'"}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ]
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': policy.join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'x-frame-options': 'DENY',
    // Under no-referrer browsers send forms with "Origin: null", which we refuse (STANDARDS CS-2).
    ...(hasForm ? { 'referrer-policy': 'same-origin' } : {}),
  }
}

function movesOn(path: string | undefined): string {
  if (path === undefined) return ''
  return `\n<meta http-equiv="refresh" content="0;url=${escapeHtml(path)}">`
}

function renderWays({ ways, equalWays }: Pick<Page, 'ways' | 'equalWays'>): string {
  if (ways.length === 0) return ''
  if (equalWays !== true) return `<div class="ways">\n${ways.map(renderWay).join('\n')}\n</div>`
  const items = ways.map((way) => `<li>${renderWay(way, 1)}</li>`).join('\n')
  return `<ul class="ways equal" role="list">\n${items}\n</ul>`
}

function renderWay(way: Way, position: number): string {
  const style = position === 0 ? 'way first' : 'way'
  const label = escapeHtml(way.label)
  if ('submits' in way) return `<button class="${style}" form="form">${label}</button>`
  if ('href' in way) {
    const tab = way.inNewTab === true ? ' target="_blank" rel="noopener"' : ''
    return `<a class="${style}" href="${escapeHtml(way.href)}"${tab}>${label}</a>`
  }
  return `<form method="post" action="${escapeHtml(way.postTo)}"><button class="${style}">${label}</button></form>`
}
