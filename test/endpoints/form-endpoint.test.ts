import t from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import type { KeptForm } from '../../src/domain/kept-form.ts'
import { subjectMark } from '../../src/http/subject-mark.ts'
import { createEndpointStand } from './endpoint-stand.ts'

const FORM = { id: 'i'.repeat(22), target: '/orders?x=1&y="', body: 'note=%22%3Cb%3E' }

t.test('SE-17 a store that is down loses no form: the page leads back to it', async (t) => {
  let isDown = false
  let form: KeptForm = FORM
  const stand = await createEndpointStand(t, {
    endpoints: { formSeal: { seal: () => 'sealed', open: () => form } },
    store: (store) => ({
      ...store,
      consumeOnce: (key, ttlMs) =>
        isDown
          ? Promise.reject(new GatewayError('store_unavailable', 'told to fail'))
          : store.consumeOnce(key, ttlMs),
    }),
  })
  const browser = stand.browser()
  await stand.signIn(browser)
  const { sub } = (await browser.fetch(`${stand.origin}/oauth2/session`)).json().user
  form = { ...FORM, owner: subjectMark({ issuer: stand.provider.issuer, subject: sub }) }
  const bring = () => browser.post(`${stand.origin}/oauth2/form`, { form: 'sealed' })

  isDown = true
  const page = await bring()
  t.equal(page.status, 503)
  t.ok(page.headers['retry-after'])
  t.match(page.body, 'href="/oauth2/login?return_to=%2Foauth2%2Fform%3Fid%3D')
  isDown = false
  const handed = await bring()
  t.equal(handed.status, 200, 'it was not used up')
  t.match(handed.body, 'action="/orders?x=1&amp;y=&quot;"', 'AT-35')
  t.match(handed.body, '<textarea name="note">\n&quot;&lt;b&gt;</textarea>', 'AT-35')
  t.match(handed.headers['referrer-policy'], 'same-origin', 'browsers would send Origin: null')
  t.equal((await bring()).status, 409)
})

t.test('HX-23 HEAD and prefetch of /oauth2/form change nothing', async (t) => {
  const stand = await createEndpointStand(t)
  const browser = stand.browser()
  const head = await browser.navigate(`${stand.origin}/oauth2/form?id=x`, { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(head.body, '')
  const put = await browser.fetch(`${stand.origin}/oauth2/form`, { method: 'PUT' })
  t.equal(put.status, 405)
  t.equal(put.headers.allow, 'GET, HEAD, POST')
})
