// Runs inside the sample API's network: a visitor, a sign-in by forms, an API call, a sign-out.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'

const GATEWAY = 'http://localhost:8080'
const jars = new Map()

function jar(url) {
  const { origin } = new URL(url)
  if (!jars.has(origin)) jars.set(origin, new Map())
  return jars.get(origin)
}

/** One request. Not `fetch`: that one says it is a fetch, and a browser's navigation is wanted. */
async function go(url, { form, headers = {} } = {}) {
  const cookies = [...jar(url)].map(([name, value]) => `${name}=${value}`).join('; ')
  const outgoing = request(url, {
    method: form ? 'POST' : 'GET',
    agent: false,
    headers: {
      ...(cookies && { cookie: cookies }),
      ...(form && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...headers,
    },
  })
  outgoing.end(form && new URLSearchParams(form).toString())
  const [response] = await once(outgoing, 'response')
  for (const line of response.headers['set-cookie'] ?? []) {
    const [pair] = line.split(';')
    const split = pair.indexOf('=')
    jar(url).set(pair.slice(0, split), pair.slice(split + 1))
  }
  return { status: response.statusCode, headers: response.headers, body: await text(response) }
}

const PAGE = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }

/** Follows redirects and submits the first form of each provider page, up to the gateway's page. */
async function walk(url) {
  let response = await go(url, { headers: PAGE })
  for (let steps = 0; steps < 20; steps++) {
    const location = response.headers.location
    if (location) {
      url = new URL(location, url).href
      response = await go(url, { headers: PAGE })
      continue
    }
    const html = response.body
    if (url.startsWith(GATEWAY)) return { url, status: response.status, html }
    const form = /<form[^>]*action="([^"]+)"[\s\S]*?<\/form>/.exec(html)
    assert.ok(form, `a form at ${url}`)
    const fields = [...form[0].matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]) => [
      /name="([^"]*)"/.exec(input)[1],
      /value="([^"]*)"/.exec(input)[1],
    ])
    url = new URL(form[1], url).href
    response = await go(url, {
      form: { ...Object.fromEntries(fields), login: 'alice', logout: 'yes' },
      headers: PAGE,
    })
  }
  throw new Error('more than 20 steps')
}

const visitor = await go(`${GATEWAY}/api/me`)
assert.equal(visitor.status, 401)
assert.match(visitor.headers['content-type'], /^application\/problem\+json/)
console.log('ok  a visitor gets 401 problem JSON from the API')

const toProvider = await go(`${GATEWAY}/account`, { headers: PAGE })
assert.equal(toProvider.status, 302)
const authorization = new URL(toProvider.headers.location)
assert.equal(authorization.origin, 'http://localhost:4000')
assert.equal(authorization.searchParams.get('redirect_uri'), `${GATEWAY}/oauth2/callback`)
assert.equal(authorization.searchParams.get('code_challenge_method'), 'S256')
console.log('ok  a page sends a visitor to the provider, with PKCE')

const account = await walk(`${GATEWAY}/account`)
assert.equal(account.status, 200)
assert.match(account.html, /"sub": "alice"|&quot;sub&quot;: &quot;alice&quot;/)
console.log('ok  after the sign-in the page is shown')

const me = await go(`${GATEWAY}/api/me`)
assert.equal(me.status, 200)
assert.equal(JSON.parse(me.body).subject, 'alice')
console.log('ok  the API received the access token')

const out = await go(`${GATEWAY}/oauth2/logout`, {
  form: {},
  headers: { ...PAGE, origin: GATEWAY, 'sec-fetch-site': 'same-origin' },
})
assert.equal(out.status, 303)
assert.equal((await go(`${GATEWAY}/api/me`)).status, 401)
console.log('ok  signed out')
