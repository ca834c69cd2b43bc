import type { IncomingMessage, ServerResponse } from 'node:http'
import type Provider from 'oidc-provider'
import { PAGE_HEADERS } from './demo-page.ts'
import { consentPage, messagePage, signInPage } from './provider-pages.ts'

type InteractionDetails = Awaited<ReturnType<Provider['interactionDetails']>>

const STEP = /^\/interaction\/[\w-]+(?:\/(?<step>login|consent|cancel))?$/
const MAX_FORM_BYTES = 4096
const MERGE = { mergeWithLastSubmission: true }
const NAME = /^[\w.-]{1,64}$/

/** The pages between the authorization request and its answer; false when the path is none of them. */
export async function answerInteraction(
  provider: Provider,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const match = STEP.exec(request.url ?? '')
  if (match === null) return false
  const details = await provider.interactionDetails(request, response).catch(() => undefined)
  if (details === undefined) {
    const text =
      'This sign-in is over or belongs to another browser. Start again at the application.'
    response.writeHead(400, PAGE_HEADERS).end(messagePage('Nothing to sign in to', text))
    return true
  }
  const step = request.method === 'POST' ? match.groups?.['step'] : undefined
  const result = step && (await resultOf(provider, details, step, await readForm(request)))
  if (result) await provider.interactionFinished(request, response, result, MERGE)
  else await show(provider, details, response)
  return true
}

async function show(
  provider: Provider,
  details: InteractionDetails,
  response: ServerResponse,
): Promise<void> {
  const action = `/interaction/${details.uid}`
  if (details.prompt.name === 'login') {
    const page = signInPage(action, parameter(details, 'login_hint'))
    response.writeHead(200, PAGE_HEADERS).end(page)
    return
  }
  const client = await provider.Client.find(parameter(details, 'client_id'))
  const scopes = parameter(details, 'scope').split(' ')
  const page = consentPage(action, client?.clientName ?? 'the application', scopes)
  response.writeHead(200, PAGE_HEADERS).end(page)
}

/** What a submitted form means to the provider; `undefined` shows the page again. */
async function resultOf(
  provider: Provider,
  details: InteractionDetails,
  step: string,
  form: URLSearchParams,
): Promise<Parameters<Provider['interactionFinished']>[2] | undefined> {
  if (step === 'cancel') {
    return { error: 'access_denied', error_description: 'the user cancelled' }
  }
  if (step === 'login') {
    const accountId = form.get('login') ?? ''
    return NAME.test(accountId) ? { login: { accountId } } : undefined
  }
  if (step === 'consent') return { consent: { grantId: await grantAll(provider, details) } }
  return undefined
}

/** Grants exactly what was asked for, and answers the grant's id. */
async function grantAll(provider: Provider, details: InteractionDetails): Promise<string> {
  const { session, prompt, grantId } = details
  const existing = grantId === undefined ? undefined : await provider.Grant.find(grantId)
  const grant =
    existing ??
    new provider.Grant({
      accountId: session?.accountId ?? '',
      clientId: parameter(details, 'client_id'),
    })
  const missing = prompt.details as {
    missingOIDCScope?: string[]
    missingOIDCClaims?: string[]
    missingResourceScopes?: Record<string, string[]>
  }
  if (missing.missingOIDCScope) grant.addOIDCScope(missing.missingOIDCScope.join(' '))
  if (missing.missingOIDCClaims) grant.addOIDCClaims(missing.missingOIDCClaims)
  for (const [resource, scopes] of Object.entries(missing.missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '))
  }
  return grant.save()
}

function parameter(details: InteractionDetails, name: string): string {
  const value = details.params[name]
  return typeof value === 'string' ? value : ''
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > MAX_FORM_BYTES) break
  }
  return new URLSearchParams(text)
}
