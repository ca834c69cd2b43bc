import { Agent, request } from 'undici'
import type { IncomingHttpHeaders } from 'node:http'

/**
 * A browser without a screen: cookies per origin and path, redirects by hand, Fetch Metadata.
 *
 * ```ts
 * const browser = createBrowser()
 * const page = await browser.navigate(`${gateway}/api/x`)      // like a click in the address bar
 * const next = await browser.follow(page)                      // one redirect
 * const end = await browser.followAll(page)                    // until something else than a redirect
 * const api = await browser.fetch(`${gateway}/api/x`)          // like fetch() in a page of that origin
 * const sent = await browser.submit(page, { username: 'ann' }) // the first form of the page
 * browser.cookies(gateway)                                     // Map name → value
 * ```
 */
export interface Browser {
  /** A top-level navigation. `site`: who started it, default `none` (typed in). */
  navigate(url: string, options?: BrowserOptions): Promise<Page>
  /** A call of `fetch` from a page of the same origin. */
  fetch(url: string, options?: BrowserOptions): Promise<Page>
  get(url: string, options?: BrowserOptions): Promise<Page>
  post(url: string, form: Readonly<Record<string, string>>, options?: BrowserOptions): Promise<Page>
  /** Submits the first form of the page with its own fields and `fields` on top. */
  submit(page: Page, fields?: Readonly<Record<string, string>>): Promise<Page>
  follow(page: Page, options?: BrowserOptions): Promise<Page>
  followAll(page: Page, options?: BrowserOptions): Promise<Page>
  cookies(origin: string): Map<string, string>
  setCookie(origin: string, name: string, value: string): void
  /** The same cookies in a second browser: what a thief or a second device would hold. */
  copy(): Browser
  close(): Promise<void>
}

export interface BrowserOptions {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly site?: 'none' | 'same-origin' | 'same-site' | 'cross-site'
}

export interface Page {
  readonly url: string
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** `Set-Cookie` lines as received. */
  readonly setCookies: readonly string[]
  /** Absolute, when the answer is a redirect. */
  readonly location: string | undefined
  readonly body: string
  // oxlint-disable-next-line typescript/no-explicit-any -- tests read answers of any shape
  json(): any
}

interface StoredCookie {
  readonly name: string
  readonly value: string
  readonly path: string
}

/** @param options.ca PEM certificates to trust; @param options.connections per origin, default 64 */
export function createBrowser(options: { readonly ca?: string } = {}, jar?: Jar): Browser {
  const cookies = jar ?? createJar()
  const agent = new Agent({
    connections: 64,
    connect: options.ca === undefined ? {} : { ca: options.ca },
  })

  async function send(url: string, wish: BrowserOptions): Promise<Page> {
    const target = new URL(url)
    const cookie = cookies.header(target)
    const answer = await request(url, {
      dispatcher: agent,
      method: (wish.method ?? 'GET') as 'GET',
      headers: { ...(cookie === '' ? {} : { cookie }), ...wish.headers },
      ...(wish.body === undefined ? {} : { body: wish.body }),
    })
    const setCookies = [answer.headers['set-cookie'] ?? []].flat()
    for (const line of setCookies) cookies.store(target, line)
    const body = await answer.body.text()
    const location = answer.headers['location']
    return {
      url,
      status: answer.statusCode,
      headers: answer.headers,
      setCookies,
      location: typeof location === 'string' ? new URL(location, url).href : undefined,
      body,
      json: () => JSON.parse(body),
    }
  }

  const navigate = (url: string, wish: BrowserOptions = {}) =>
    send(url, { ...wish, headers: { ...navigationHeaders(wish.site ?? 'none'), ...wish.headers } })
  const post = (url: string, form: Readonly<Record<string, string>>, wish: BrowserOptions = {}) =>
    navigate(url, {
      method: 'POST',
      body: new URLSearchParams(form).toString(),
      site: 'same-origin',
      ...wish,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: new URL(url).origin,
        ...wish.headers,
      },
    })
  const follow = (page: Page, wish: BrowserOptions = {}) => {
    if (page.location === undefined) throw new Error(`no redirect: ${page.status} ${page.url}`)
    const site =
      new URL(page.url).origin === new URL(page.location).origin ? 'same-origin' : 'cross-site'
    return navigate(page.location, { site, ...wish })
  }

  return {
    navigate,
    post,
    follow,
    get: (url, wish = {}) => send(url, wish),
    fetch: (url, wish = {}) =>
      send(url, {
        ...wish,
        headers: { ...fetchHeaders(wish.site ?? 'same-origin'), ...wish.headers },
      }),
    submit: (page, fields = {}) => {
      const form = firstForm(page)
      return post(form.action, { ...form.fields, ...fields })
    },
    followAll: async (page, wish = {}) => {
      let current = page
      for (let hops = 0; current.location !== undefined && hops < 20; hops += 1) {
        current = await follow(current, wish)
      }
      return current
    },
    cookies: (origin) => cookies.ofOrigin(origin),
    setCookie: (origin, name, value) => cookies.store(new URL(origin), `${name}=${value}; Path=/`),
    copy: () => createBrowser(options, cookies.copy()),
    close: () => agent.close(),
  }
}

interface Jar {
  header(url: URL): string
  store(url: URL, line: string): void
  ofOrigin(origin: string): Map<string, string>
  copy(): Jar
}

function createJar(stored = new Map<string, StoredCookie[]>()): Jar {
  const of = (origin: string) => stored.get(origin) ?? []
  return {
    header: (url) =>
      of(url.origin)
        .filter((cookie) => pathMatches(cookie.path, url.pathname))
        .map((cookie) => `${cookie.name}=${cookie.value}`)
        .join('; '),
    store: (url, line) => {
      const { cookie, expired } = parseSetCookie(line, url)
      const others = of(url.origin).filter(
        (one) => one.name !== cookie.name || one.path !== cookie.path,
      )
      stored.set(url.origin, expired ? others : [...others, cookie])
    },
    ofOrigin: (origin) => new Map(of(new URL(origin).origin).map((one) => [one.name, one.value])),
    copy: () => createJar(new Map(stored)),
  }
}

function pathMatches(cookiePath: string, path: string): boolean {
  const prefix = cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`
  return path === cookiePath || path.startsWith(prefix)
}

function parseSetCookie(line: string, url: URL): { cookie: StoredCookie; expired: boolean } {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
  const split = pair.indexOf('=')
  const attribute = (name: string) =>
    attributes.find((one) => one.toLowerCase().startsWith(`${name}=`))?.slice(name.length + 1)
  const maxAge = attribute('max-age')
  const expires = attribute('expires')
  const expired =
    maxAge !== undefined
      ? Number(maxAge) <= 0
      : expires !== undefined && Date.parse(expires) <= Date.now()
  const path = attribute('path') ?? url.pathname.replace(/\/[^/]*$/, '/')
  return { cookie: { name: pair.slice(0, split), value: pair.slice(split + 1), path }, expired }
}

function navigationHeaders(site: string): Record<string, string> {
  return {
    accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
    'sec-fetch-dest': 'document',
    'sec-fetch-mode': 'navigate',
    'sec-fetch-site': site,
    'sec-fetch-user': '?1',
    'upgrade-insecure-requests': '1',
  }
}

function fetchHeaders(site: string): Record<string, string> {
  return {
    accept: '*/*',
    'sec-fetch-dest': 'empty',
    'sec-fetch-mode': 'cors',
    'sec-fetch-site': site,
  }
}

function firstForm(page: Page): { action: string; fields: Record<string, string> } {
  const form = /<form[^>]*>[\s\S]*?<\/form>/i.exec(page.body)?.[0]
  if (form === undefined)
    throw new Error(`no form: ${page.status} ${page.url}\n${page.body.slice(0, 500)}`)
  const fields: Record<string, string> = {}
  for (const [input] of form.matchAll(/<(?:input|button)[^>]*>/gi)) {
    const name = attributeOf(input, 'name')
    if (name !== undefined && !(name in fields)) fields[name] = attributeOf(input, 'value') ?? ''
  }
  return { action: new URL(attributeOf(form, 'action') ?? '', page.url).href, fields }
}

function attributeOf(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`, 'i').exec(tag)?.[1]
  return value?.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'")
}
