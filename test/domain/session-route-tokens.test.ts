import t from 'tap'
import { GatewayError } from '../../src/domain/gateway-error.ts'
import { tokenWish } from '../../src/domain/route-token.ts'
import type { SessionEngine } from '../../src/domain/session-engine.ts'
import type { AccessToken } from '../../src/domain/session-record.ts'
import type { GrantAnswer } from '../../src/domain/sign-in.ts'
import { liveSession, MINUTE_MS, reasonOf, sessionBed, settle } from './session-bed.ts'

const A = tokenWish('refresh', { audience: 'a' })
const B = tokenWish('refresh', { audience: 'b' })
const C = tokenWish('exchange', { audience: 'a' })
const WISHES = [A, B, C]

function refused(): GatewayError {
  return new GatewayError('token_refused', 'told to refuse')
}

function valueOf(token: unknown): string | undefined {
  return (token as AccessToken).value
}

t.test(
  'RT-2 RT-8 two replicas, three tokens, 200 calls: each is fetched once, in turn',
  async (t) => {
    const bed = sessionBed(t, {
      grant: async (_record, nth) => {
        await settle()
        return bed.answer(nth)
      },
    })
    const { ticket } = await bed.live()
    const engines = [bed.engine, bed.replica()]
    await bed.clock.advance(10 * MINUTE_MS) // the login's own has expired too
    const call = async (at: number): Promise<unknown> => {
      const engine = engines[at % 2] as SessionEngine
      const session = liveSession(await engine.find(ticket))
      await engine.accessToken(session)
      return engine.routeToken(session, WISHES[at % 3] as (typeof WISHES)[number])
    }
    const tokens = await Promise.all(Array.from({ length: 200 }, (_, at) => call(at)))
    t.equal(new Set(tokens.map(valueOf)).size, 3)
    t.equal(bed.presented.length, 4, 'the login, and three routes')
    const spent = bed.presented.filter((token) => token?.startsWith('refresh'))
    t.equal(new Set(spent).size, spent.length, 'no refresh token was presented twice')
  },
)

t.test('RT-1 the token of a route is used till late, then fetched ahead of its end', async (t) => {
  const bed = sessionBed(t)
  const { ticket } = await bed.live()
  const ask = async () => {
    const session = liveSession(await bed.engine.find(ticket))
    await bed.engine.accessToken(session)
    return valueOf(await bed.engine.routeToken(session, C))
  }
  t.equal(await ask(), 'exchange 1')
  await bed.clock.advance(7 * MINUTE_MS)
  t.equal(await ask(), 'exchange 1')
  t.equal(bed.presented.length, 1)
  await bed.clock.advance(MINUTE_MS)
  t.equal(await ask(), 'exchange 1', 'still valid')
  await settle()
  t.equal(await ask(), 'exchange 3')
  t.same(bed.presented, ['access 0', 'refresh 0', 'access 2'], "exchanged for the login's newest")
})

t.test('RS-13 RT-8 a refresh of the login leaves the tokens of routes alone', async (t) => {
  const bed = sessionBed(t)
  const { ticket, session } = await bed.live()
  const before = valueOf(await bed.engine.routeToken(session, A))
  await bed.clock.advance(2 * MINUTE_MS)
  await bed.engine.refresh(liveSession(await bed.engine.find(ticket)))
  const after = liveSession(await bed.engine.find(ticket))
  t.equal(valueOf(await bed.engine.routeToken(after, A)), before)
  t.same(bed.presented, ['refresh 0', 'refresh 1'], 'with the rotated refresh token')
})

t.test(
  'D-8 a refusal is about the route: remembered for a while, and nobody is signed out',
  async (t) => {
    const bed = sessionBed(t, {
      routeGrant: (_record, wish) => {
        if (wish === A) throw refused()
        return { accessToken: { ...bed.answer('b').accessToken, target: wish.target } }
      },
    })
    const { ticket, session } = await bed.live()
    for (let nth = 0; nth < 5; nth++) {
      t.equal(await reasonOf(bed.engine.routeToken(session, A)), 'token_refused')
    }
    t.equal(bed.presented.length, 1, 'the provider is not asked for each request')
    t.equal(valueOf(await bed.engine.routeToken(session, B)), 'access b', 'others are served')
    await bed.clock.advance(MINUTE_MS)
    t.equal(await reasonOf(bed.engine.routeToken(session, A)), 'token_refused')
    t.equal(bed.presented.length, 3, 'asked again after a pause')
    t.ok(liveSession(await bed.engine.find(ticket)))
    t.same(bed.eventsOf('session_ended'), [])
    t.equal(bed.eventsOf('token_failed').length, 2)
  },
)

t.test('RT-3 a refresh token that came with a refusal is kept', async (t) => {
  const bed = sessionBed(t, {
    routeGrant: () => ({ refused: refused(), refreshToken: 'rotated' }),
  })
  const { ticket, session } = await bed.live()
  t.equal(await reasonOf(bed.engine.routeToken(session, A)), 'token_refused')
  await bed.clock.advance(10 * MINUTE_MS)
  await bed.engine.accessToken(liveSession(await bed.engine.find(ticket)))
  t.same(bed.presented, ['refresh 0', 'rotated'])
})

t.test('D-8 an outage is waited for once by all routes, not once each', async (t) => {
  const bed = sessionBed(t, {
    routeGrant: async (): Promise<GrantAnswer> => {
      await settle()
      throw new GatewayError('provider_unavailable', 'told to fail')
    },
  })
  const { session } = await bed.live()
  const reasons = await Promise.all(
    WISHES.map((wish) => reasonOf(bed.engine.routeToken(session, wish))),
  )
  t.same(new Set(reasons), new Set(['provider_unavailable']))
  t.equal(bed.presented.length, 1)
})

t.test('AT-20 a token that comes after the logout leaves the session dead', async (t) => {
  const bed = sessionBed(t, {
    routeGrant: async (_record, { target }) => {
      await bed.engine.end(ticket, 'session_revoked')
      return { accessToken: { ...bed.answer(1).accessToken, target } }
    },
  })
  const { ticket, session } = await bed.live()
  t.match(await bed.engine.routeToken(session, C), { ended: 'session_revoked' })
  t.match(await bed.engine.find(ticket), { ended: 'session_revoked' })
})

t.test(
  'RT-9 a refused token is replaced at any age, its successor after the cooldown',
  async (t) => {
    const bed = sessionBed(t)
    const { ticket } = await bed.live()
    for (const wish of [undefined, A, C]) {
      const session = liveSession(await bed.engine.find(ticket))
      const first = valueOf(
        await (wish === undefined
          ? bed.engine.accessToken(session)
          : bed.engine.routeToken(session, wish)),
      ) as string
      const count = bed.presented.length
      const renewed = await Promise.all(
        Array.from({ length: 20 }, () => bed.engine.replaceToken(session, first, wish)),
      )
      t.equal(new Set(renewed.map(valueOf)).size, 1)
      t.equal(bed.presented.length, count + 1, 'once for all who were refused')
      const second = valueOf(renewed[0]) as string
      t.not(second, first)
      const late = await bed.engine.replaceToken(session, first, wish)
      t.equal(valueOf(late), second, 'who was refused with the old one gets the new one')
      t.equal(await bed.engine.replaceToken(session, second, wish), undefined, 'not again at once')
      t.equal(bed.presented.length, count + 1)
      await bed.clock.advance(MINUTE_MS)
      t.not(valueOf(await bed.engine.replaceToken(session, second, wish)), second)
      t.equal(bed.presented.length, count + 2)
    }
  },
)
