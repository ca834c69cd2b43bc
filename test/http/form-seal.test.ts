import { randomBytes } from 'node:crypto'
import * as fc from 'fast-check'
import fastify from 'fastify'
import t, { type Test } from 'tap'
import type { KeptForm } from '../../src/domain/kept-form.ts'
import { createCookieSeal, type SealLifetimes } from '../../src/http/cookie-seal.ts'
import { createFormSeal } from '../../src/http/form-seal.ts'
import { deriveKeys } from '../../src/http/own-keys.ts'

const SECRETS = [randomBytes(32)]
const FORM: KeptForm = {
  id: 'i'.repeat(22),
  target: '/orders?x=1',
  body: 'note=hello',
  owner: 'o'.repeat(22),
}

async function bed(t: Test, lifetimes: Partial<SealLifetimes> = {}, secrets = SECRETS) {
  const app = fastify()
  t.teardown(() => app.close())
  const seal = await createCookieSeal(app, deriveKeys(secrets), {
    ticket: 900,
    loginTransaction: 900,
    logoutState: 900,
    form: 900,
    ...lifetimes,
  })
  return { seal, forms: createFormSeal(seal) }
}

t.test('a form comes back as it was, also a large one', async (t) => {
  const { forms } = await bed(t)
  t.same(forms.open(forms.seal(FORM)), FORM)
  const large = { ...FORM, body: `note=${'%C3%A9'.repeat(10_900)}` }
  const sealed = forms.seal(large)
  t.same(forms.open(sealed), large)
  t.ok(encodeURIComponent(sealed).length < 110_000, 'fits what the endpoint reads')
})

t.test('nothing of a form can be read in its seal', async (t) => {
  const { forms } = await bed(t)
  const sealed = forms.seal({ ...FORM, body: `note=${'secret'.repeat(100)}` })
  const octets = Buffer.from(sealed, 'base64').toString('latin1')
  for (const text of [sealed, octets]) t.notMatch(text, /secret|orders|ooooo/)
})

t.test('SE-12 a seal with anything changed in it does not open', async (t) => {
  const { forms } = await bed(t)
  const sealed = forms.seal(FORM)
  const changes = fc.record({
    at: fc.nat(sealed.length),
    put: fc.string({ maxLength: 3 }),
    cut: fc.nat(3),
  })
  fc.assert(
    fc.property(changes, ({ at, put, cut }) => {
      const changed = sealed.slice(0, at) + put + sealed.slice(at + cut)
      const opened = forms.open(changed)
      // Base64 can say the same octets in more than one way.
      if (opened !== undefined) t.same(opened, FORM)
    }),
  )
  fc.assert(fc.property(fc.string(), (text) => t.equal(forms.open(text), undefined)))
})

t.test(
  'SE-23 what is sealed for another purpose is no form, and the other way round',
  async (t) => {
    const { seal, forms } = await bed(t)
    for (const purpose of ['ticket', 'loginTransaction', 'logoutState'] as const) {
      t.equal(forms.open(`${FORM.id}.${seal.seal(purpose, { ...FORM })}`), undefined, purpose)
      t.equal(seal.open(purpose, forms.seal(FORM).slice(23)), undefined, purpose)
    }
  },
)

t.test('another id in front of a seal is none of it', async (t) => {
  const { forms } = await bed(t)
  t.equal(forms.open('j'.repeat(22) + forms.seal(FORM).slice(22)), undefined)
})

t.test('a form that is too old does not open', async (t) => {
  const { forms } = await bed(t, { form: -1 })
  t.equal(forms.open(forms.seal(FORM)), undefined)
})

t.test('a form under keys of others does not open', async (t) => {
  const [ours, theirs] = [await bed(t), await bed(t, {}, [randomBytes(32)])]
  t.equal(ours.forms.open(theirs.forms.seal(FORM)), undefined)
})

t.test('AT-6 even a target of our own making is checked again', async (t) => {
  const { forms } = await bed(t)
  for (const target of ['//evil.example', 'https://evil.example', '/oauth2/logout', '/\\evil']) {
    t.equal(forms.open(forms.seal({ ...FORM, target })), undefined, target)
  }
})
