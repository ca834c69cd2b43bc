import * as fc from 'fast-check'
import t from 'tap'
import { formFields, mayKeepForm } from '../../src/domain/kept-form.ts'
import { requestFacts } from '../../src/domain/request-facts.ts'
import { visible } from '../support/visible.ts'

const ORIGIN = 'https://app.example.com'

/** What Chromium sends with a form of a page of ours. */
const OWN = {
  accept: 'text/html,application/xhtml+xml',
  'content-type': 'application/x-www-form-urlencoded',
  origin: ORIGIN,
  'sec-fetch-site': 'same-origin',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
}

interface Case {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | undefined>>
  readonly target?: string
  readonly replayForm?: boolean
}

function isKept({ method = 'POST', headers, target = '/x?y=1', replayForm = true }: Case): boolean {
  const sent = Object.fromEntries(
    Object.entries({ ...OWN, ...headers }).filter(([, value]) => value !== undefined),
  ) as Record<string, string>
  const [path = '', query] = target.split('?', 2)
  return mayKeepForm(
    { replayForm },
    {
      facts: requestFacts(method, sent),
      headers: sent,
      target: { path, query: query === undefined ? '' : `?${query}` },
    },
    ORIGIN,
  )
}

const KEPT: Readonly<Record<string, Case>> = {
  'a form of a page of ours': {},
  'the same from a browser without Fetch Metadata': {
    headers: {
      'sec-fetch-site': undefined,
      'sec-fetch-mode': undefined,
      'sec-fetch-dest': undefined,
    },
  },
  'with a type in capitals': {
    headers: { 'content-type': 'Application/X-WWW-Form-Urlencoded' },
  },
}

const REFUSED: Readonly<Record<string, Case>> = {
  'on a route that does not turn it on': { replayForm: false },
  'of another site': {
    headers: { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  },
  'of a sibling host': {
    headers: { origin: 'https://sub.app.example.com', 'sec-fetch-site': 'same-site' },
  },
  'of another origin that calls itself ours': { headers: { origin: 'https://evil.example' } },
  'of our host with another scheme': { headers: { origin: 'http://app.example.com' } },
  'of our host with another port': { headers: { origin: `${ORIGIN}:8443` } },
  'of a page without origin': { headers: { origin: 'null' } },
  'of nobody': { headers: { origin: undefined } },
  'that nobody began, so browsers say': { headers: { 'sec-fetch-site': 'none' } },
  'with our origin and cross-site metadata': { headers: { 'sec-fetch-site': 'cross-site' } },
  'with metadata no specification knows': { headers: { 'sec-fetch-site': 'same-ORIGIN' } },
  'sent by a script': { headers: { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' } },
  'in a frame': { headers: { 'sec-fetch-dest': 'iframe' } },
  'asked ahead': { headers: { 'sec-purpose': 'prefetch' } },
  'by PUT': { method: 'PUT' },
  'by GET': { method: 'GET' },
  'of several parts': { headers: { 'content-type': 'multipart/form-data; boundary=x' } },
  'of plain text': { headers: { 'content-type': 'text/plain' } },
  'of JSON': { headers: { 'content-type': 'application/json' } },
  'with a charset, which no form has': {
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
  },
  'without a type': { headers: { 'content-type': undefined } },
  compressed: { headers: { 'content-encoding': 'gzip' } },
  'that waits for 100': { headers: { expect: '100-continue' } },
  'to a target a browser would write otherwise': { target: "/x?a='b'" },
  'to a target with dots': { target: '/a/../b' },
  'to one of our own endpoints': { target: '/oauth2/logout' },
  'to a target with an empty query': { target: '/x?' },
}

for (const [name, input] of Object.entries(KEPT)) {
  t.test(`kept: ${name}`, async (t) => t.equal(isKept(input), true))
}
for (const [name, input] of Object.entries(REFUSED)) {
  t.test(`CS-1 CS-2 AT-13 never kept: a form ${name}`, async (t) => t.equal(isKept(input), false))
}

const REPEATABLE = [
  '',
  'a=b',
  'a=',
  'a=1&a=2&b=3',
  'note=caf%C3%A9+%E2%82%AC+%F0%9F%98%80&x=%26%3D%2B%25',
  'text=one%0D%0Atwo%0D%0A',
  'text=%0D%0Aone',
  '_charset_=utf-8&isindex=1&submit=1',
  'a=%EF%BB%BF',
]

for (const body of REPEATABLE) {
  t.test(`a browser would send the same octets again: ${visible(body)}`, async (t) => {
    const fields = formFields(body)
    t.ok(fields)
    t.equal(new URLSearchParams(fields as [string, string][]).toString(), body)
  })
}

const NOT_REPEATABLE = [
  'a', // no form leaves out "="
  '&',
  '?a=b', // URLSearchParams would drop the question mark
  'a=%20', // forms write "+"
  'a=%c3%a9', // and capitals
  'a=%E9', // ISO 8859-1
  'a=\u00e9',
  'a=%zz',
  'a=%00',
  'a=%0A',
  'a=%0D',
  'a=%0A%0D',
  '=b', // fields without a name are left out
  'a%0D%0Ab=1',
  '{"a":1}',
  Array.from({ length: 1_001 }, (_, at) => `f${at}=`).join('&'),
]

for (const body of NOT_REPEATABLE) {
  t.test(`a browser would send other octets: ${visible(body)}`, async (t) => {
    t.equal(formFields(body), undefined)
  })
}

const lineBreaks = (text: string) => text.replaceAll('\0', '').replaceAll(/\r\n?|\n/g, '\r\n')
const name = fc.string({ minLength: 1, unit: 'grapheme' }).filter((text) => !/[\0\r\n]/.test(text))
const value = fc.string({ unit: 'grapheme' }).map(lineBreaks)

t.test('whatever people type is kept as they typed it', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (fields) => {
      const body = new URLSearchParams(fields).toString()
      t.same(formFields(body), fields)
    }),
  )
})

t.test('whatever octets are kept are sent again as they were', async (t) => {
  const piece = fc.constantFrom('a', '=', '&', '+', '%', '%0D%0A', '%C3%A9', '%E9', '%00', 'é', '?')
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const body = pieces.join('')
      const fields = formFields(body)
      if (fields !== undefined)
        t.equal(new URLSearchParams(fields as [string, string][]).toString(), body)
    }),
  )
})
