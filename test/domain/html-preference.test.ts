import t from 'tap'
import { prefersHtml } from '../../src/domain/html-preference.ts'
import { requestFacts } from '../../src/domain/request-facts.ts'

const script = requestFacts('GET', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' })
const page = requestFacts('GET', { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' })

t.test('ER-3 a navigation gets a page, whatever it accepts', async (t) => {
  t.equal(prefersHtml('application/json', page), true)
  t.equal(prefersHtml(undefined, page), true)
})

const ACCEPTS = [
  [undefined, false],
  ['', false],
  ['*/*', false],
  ['text/html', true],
  ['TEXT/HTML;level=1', true],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', true],
  ['text/html, */*; q=0.01', true],
  ['text/html, */*', true],
  ['text/html;q=0.5, */*', false],
  ['text/html;q=0.5, application/*;q=0.9', false],
  ['application/json', false],
  ['application/json, text/html;q=0.9', false],
  ['text/html, application/json;q=0.9', true],
  ['text/html, application/json', false],
  ['application/problem+json, text/html;q=0.2', false],
  ['text/html;q=0', false],
  ['text/html;q=9', false],
  ['text/html;q=x', false],
  ['text/*', false],
  ['image/avif,image/webp,*/*;q=0.8', false],
  ['text/event-stream', false],
] as const

for (const [accept, expected] of ACCEPTS) {
  t.test(`ER-3 a page is ${expected ? '' : 'not '}what "${accept}" asks for`, async (t) => {
    t.equal(prefersHtml(accept, script), expected)
  })
}
