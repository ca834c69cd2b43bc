import { randomBytes } from 'node:crypto'
import fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import t, { type Test } from 'tap'
import type { LoginTransaction } from '../../src/domain/login-transaction.ts'
import { createOwnCookies, type OwnCookies } from '../../src/http/own-cookies.ts'
import type { SessionCookie } from '../../src/http/session-cookie.ts'
import { deriveKeys } from '../../src/http/own-keys.ts'

const SECRET = randomBytes(32)
const TICKET = { id: 'i'.repeat(43), key: 'k'.repeat(43) }

interface Bed extends OwnCookies {
  readonly sessionCookie: SessionCookie
  /** The Set-Cookie lines that the work leads to. */
  setBy(work: (reply: FastifyReply) => void): Promise<string[]>
}

interface BedOptions {
  readonly publicUrl?: string
  readonly secrets?: readonly Uint8Array[]
  readonly sameSite?: 'lax' | 'strict'
  readonly lifetimeMs?: number
}

async function bed(t: Test, options: BedOptions = {}): Promise<Bed> {
  const app: FastifyInstance = fastify()
  t.teardown(() => app.close())
  const cookies = await createOwnCookies(app, {
    publicUrl: new URL(options.publicUrl ?? 'https://app.example.com'),
    secrets: options.secrets ?? [SECRET],
    sameSite: options.sameSite ?? 'lax',
    lifetimeMs: options.lifetimeMs ?? 3_600_000,
  })
  let work: (reply: FastifyReply) => void = () => undefined
  app.get('/', async (_request, reply) => {
    work(reply)
    return ''
  })
  return {
    ...cookies,
    sessionCookie: cookies.sessionCookieOf(''),
    setBy: async (given) => {
      work = given
      const { headers } = await app.inject('/')
      return [headers['set-cookie'] ?? []].flat()
    },
  }
}

function pair(setCookie: string | undefined): string {
  return setCookie?.split(';')[0] ?? ''
}

async function ticketPair({ setBy, sessionCookie }: Bed): Promise<string> {
  const [line] = await setBy((reply) => sessionCookie.write(reply, TICKET, 3_600))
  return pair(line)
}

function transaction(state: string, startedAtMs = 1, returnTo = '/'): LoginTransaction {
  const asked = { prompt: 'none' }
  const codeVerifier = 'v'.repeat(43)
  return { state, nonce: 'n', codeVerifier, returnTo, startedAtMs, attempt: 0, asked }
}

async function pendingPair({ setBy, transactionCookie }: Bed, pending: LoginTransaction) {
  return pair((await setBy((reply) => transactionCookie.write(reply, pending, undefined)))[0])
}

t.test('SE-1 the session cookie has the prefix and every attribute', async (t) => {
  const { setBy, sessionCookie } = await bed(t)
  const [line] = await setBy((reply) => sessionCookie.write(reply, TICKET, 3_600))
  t.match(line, /^__Host-bearergate=/)
  const attributes = new Set(line?.split('; ').slice(1))
  t.strictSame(
    attributes,
    new Set(['Max-Age=3600', 'Path=/', 'HttpOnly', 'Secure', 'SameSite=Lax']),
  )
})

t.test('SE-1 the plain name only on a public URL without TLS', async (t) => {
  const { setBy, sessionCookie } = await bed(t, { publicUrl: 'http://localhost:8080' })
  const [line] = await setBy((reply) => sessionCookie.write(reply, TICKET, 3_600))
  t.match(line, /^bearergate=/)
  t.notMatch(line, /Secure/)
})

t.test('LO-1 clearing has the same attributes', async (t) => {
  const { setBy, sessionCookie } = await bed(t, { sameSite: 'strict' })
  const [written] = await setBy((reply) => sessionCookie.write(reply, TICKET, 3_600))
  const [cleared] = await setBy((reply) => sessionCookie.clear(reply))
  const attributes = (line = '') =>
    line
      .split('; ')
      .slice(1)
      .filter((one) => !one.startsWith('Max-Age'))
  t.strictSame(attributes(cleared), attributes(written))
  t.match(cleared, /^__Host-bearergate=; Max-Age=0/)
})

t.test('a ticket comes back as it was, twice from memory', async (t) => {
  const all = await bed(t)
  const cookie = await ticketPair(all)
  t.match(all.sessionCookie.read(cookie), { ...TICKET, attempt: 0 })
  t.equal(all.sessionCookie.read(`a=b; ${cookie}; c=d`), all.sessionCookie.read(cookie))
})

t.test('SE-4 the session cookie is small', async (t) => {
  t.ok((await ticketPair(await bed(t))).length < 300)
})

t.test('SE-5 no cookie is to be kept for longer than browsers allow', async (t) => {
  const { setBy, sessionCookie } = await bed(t)
  const [line] = await setBy((reply) => sessionCookie.write(reply, TICKET, 400 * 86_400 + 900))
  t.match(line, 'Max-Age=34560000;')
})

t.test('SE-11 the same name twice is nobody, even with equal values', async (t) => {
  const all = await bed(t)
  const cookie = await ticketPair(all)
  t.equal(all.sessionCookie.read(`${cookie}; ${cookie}`), undefined)
  t.equal(all.sessionCookie.read(`__Host-bearergate=x;${cookie}`), undefined)
})

t.test('SE-11 AT-3 other names do not count', async (t) => {
  const all = await bed(t)
  const value = (await ticketPair(all)).split('=').slice(1).join('=')
  for (const name of [
    'bearergate',
    '__host-bearergate',
    'x__Host-bearergate',
    '__Host-bearergate2',
  ]) {
    t.equal(all.sessionCookie.read(`${name}=${value}`), undefined, name)
  }
  t.ok(all.sessionCookie.read(`x__Host-bearergate=1; __Host-bearergate=${value}`))
})

const GARBAGE = [
  ...['', ' ; ;;=;', '__Host-bearergate', '__Host-bearergate=', '__Host-bearergate=;', '=;='],
  ...['%', '%zz', ';', 'a;b', '%3B', 'aaaa%3Baaaa', '\u0000', '"x"', '{}', 'AAAA;BBBB;CCCC'].map(
    (value) => `__Host-bearergate=${value}`,
  ),
  `__Host-bearergate=${Buffer.alloc(40).toString('base64')}%3B${Buffer.alloc(24).toString('base64')}`,
  `__Host-bearergate=${'x'.repeat(100_000)}`,
]

for (const cookie of GARBAGE) {
  t.test(`SE-12 garbage is nobody: ${JSON.stringify(cookie.slice(0, 40))}`, async (t) => {
    const { sessionCookie, transactionCookie } = await bed(t)
    t.equal(sessionCookie.read(cookie), undefined)
    t.equal(transactionCookie.read(cookie, 's'), undefined)
  })
}

t.test('SE-12 a ticket with one changed character is nobody', async (t) => {
  const all = await bed(t)
  const cookie = await ticketPair(all)
  const swapped = cookie[30] === 'A' ? 'B' : 'A'
  t.equal(all.sessionCookie.read(cookie.slice(0, 30) + swapped + cookie.slice(31)), undefined)
})

t.test('SE-23 values sealed for one purpose are never accepted for another', async (t) => {
  const all = await bed(t)
  const pending = await pendingPair(all, transaction('s'))
  const [name = '', value = ''] = pending.split(/=(.*)/s)
  const ticketValue = (await ticketPair(all)).split(/=(.*)/s)[1]
  t.equal(all.sessionCookie.read(`__Host-bearergate=${value}`), undefined)
  t.equal(all.transactionCookie.read(`${name}=${ticketValue}`, 's'), undefined)
  t.equal(all.seal.open('logoutState', decodeURIComponent(value)), undefined)
})

t.test('SE-16 keys rotate: the first seals, all open', async (t) => {
  const [older, newer] = [randomBytes(32), randomBytes(32)]
  const cookie = await ticketPair(await bed(t, { secrets: [older] }))
  t.match((await bed(t, { secrets: [newer, older] })).sessionCookie.read(cookie), TICKET)
  t.equal((await bed(t, { secrets: [newer] })).sessionCookie.read(cookie), undefined)
  const renewed = await ticketPair(await bed(t, { secrets: [newer, older] }))
  t.match((await bed(t, { secrets: [newer] })).sessionCookie.read(renewed), TICKET)
})

t.test('SE-16 one short secret in the list refuses to start', async (t) => {
  t.throws(() => deriveKeys([randomBytes(32), randomBytes(31)]), RangeError)
  t.throws(() => deriveKeys([]), RangeError)
})

t.test('SE-23 no two purposes share a key', async (t) => {
  const keys = Object.values(deriveKeys([SECRET])).flat() as Buffer[]
  t.equal(new Set(keys.map((key) => key.toString('hex'))).size, keys.length)
  t.notOk(keys.some((key) => key.equals(SECRET)))
})

t.test(
  'SE-3 a login transaction lives 15 minutes at most, is Lax even beside a strict session',
  async (t) => {
    const { setBy, transactionCookie } = await bed(t, { sameSite: 'strict' })
    const [line] = await setBy((reply) =>
      transactionCookie.write(reply, transaction('s'), undefined),
    )
    t.match(line, /^__Host-bearergate-login-[\w-]{16}=/)
    t.match(line, /Max-Age=900; Path=\/; HttpOnly; Secure; SameSite=Lax/)
  },
)

t.test('AZ-17 each login has its own cookie, found by its state', async (t) => {
  const all = await bed(t)
  const both = [
    await pendingPair(all, transaction('one')),
    await pendingPair(all, transaction('two')),
  ]
  t.strictSame(all.transactionCookie.read(both.join('; '), 'one'), transaction('one'))
  t.strictSame(all.transactionCookie.read(both.join('; '), 'two'), transaction('two'))
  t.equal(all.transactionCookie.read(both.join('; '), 'three'), undefined)
  t.ok(all.transactionCookie.isAnyPending(both[0]))
  t.notOk(all.transactionCookie.isAnyPending(await ticketPair(all)))
})

t.test('SE-11 a login transaction sent twice is none', async (t) => {
  const all = await bed(t)
  const cookie = await pendingPair(all, transaction('s'))
  t.equal(all.transactionCookie.read(`${cookie}; ${cookie}`, 's'), undefined)
})

t.test('a transaction under the name of another state is none', async (t) => {
  const all = await bed(t)
  const [one, two] = [
    await pendingPair(all, transaction('one')),
    await pendingPair(all, transaction('two')),
  ]
  const planted = `${one.split('=')[0]}=${two.split(/=(.*)/s)[1]}`
  t.equal(all.transactionCookie.read(planted, 'one'), undefined)
})

for (const returnTo of ['/', `/report?${'q'.repeat(1_900)}`]) {
  t.test(
    `SE-13 AT-8 200 abandoned logins stay below 8 KB (return path of ${returnTo.length})`,
    async (t) => {
      const all = await bed(t)
      const jar = new Map<string, string>()
      const header = () => [...jar.values()].join('; ')
      jar.set('ticket', await ticketPair(all))
      for (let count = 1; count <= 200; count++) {
        const lines = await all.setBy((reply) =>
          all.transactionCookie.write(reply, transaction(`s${count}`, count, returnTo), header()),
        )
        for (const line of lines) {
          const name = line.split('=')[0] ?? ''
          if (line.includes('Max-Age=0')) jar.delete(name)
          else jar.set(name, pair(line))
        }
        t.ok(lines.every((line) => pair(line).length <= 4_096))
      }
      t.ok(jar.size <= 6)
      t.ok(header().length < 8_192, `${header().length}`)
      t.equal(all.transactionCookie.read(header(), 's200')?.returnTo, returnTo)
    },
  )
}

t.test('SE-13 pending logins that cannot be read are the first to go', async (t) => {
  const all = await bed(t)
  const readable: string[] = []
  for (const n of [1, 2, 3]) readable.push(await pendingPair(all, transaction(`s${n}`, n)))
  const names = ['x', 'y'].map((letter) => `__Host-bearergate-login-${letter.repeat(16)}`)
  const garbage = names.map((name) => `${name}=1`)
  const header = [...garbage, ...readable].join('; ')
  const lines = await all.setBy((reply) =>
    all.transactionCookie.write(reply, transaction('new', 9), header),
  )
  const removed = lines
    .filter((line) => line.includes('Max-Age=0'))
    .map((line) => line.split('=')[0])
  t.equal(removed.length, 1)
  t.ok(names.includes(removed[0] ?? ''))
})

t.test('SE-12 names that no Set-Cookie can carry are left alone', async (t) => {
  const all = await bed(t)
  const names = ['a b', 'a"b', 'a,b', 'a[b', 'a\u00e9', '', 'x'.repeat(17), 'k'.repeat(5_000)]
  const header = names.map((name) => `__Host-bearergate-login-${name}=1`).join('; ')
  const lines = await all.setBy((reply) =>
    all.transactionCookie.write(reply, transaction('new', 9), header),
  )
  t.equal(lines.length, 1)
  t.notOk(all.transactionCookie.isAnyPending(header))
})

t.test('SE-10 nothing is set where nobody asked for it', async (t) => {
  const { setBy } = await bed(t)
  t.strictSame(await setBy(() => undefined), [])
})
