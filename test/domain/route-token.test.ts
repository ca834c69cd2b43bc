import t from 'tap'
import { MAX_ROUTE_TOKENS, tokenWish, withToken } from '../../src/domain/route-token.ts'
import type { AccessToken } from '../../src/domain/session-record.ts'

function token(target: string, more: Partial<AccessToken> = {}): AccessToken {
  return { target, value: `of ${target}`, obtainedAtMs: 1_000, expiresAtMs: 2_000, ...more }
}

t.test('RT-8 every parameter that shapes a token is in its name', async (t) => {
  const parameters = { audience: 'a', resource: 'https://r.example/', scope: 'x y' }
  const names = [
    tokenWish('refresh', parameters),
    tokenWish('exchange', parameters),
    tokenWish('client_credentials', parameters),
    tokenWish('refresh', { ...parameters, audience: 'b' }),
    tokenWish('refresh', { ...parameters, resource: 'https://q.example/' }),
    tokenWish('refresh', { ...parameters, scope: 'x' }),
    tokenWish('refresh', { audience: 'a' }),
    tokenWish('refresh', { resource: 'a' }),
    tokenWish('refresh', { scope: 'a' }),
  ].map(({ target }) => target)
  t.equal(new Set(names).size, names.length)
  const { target } = tokenWish('refresh', { ...parameters, scope: 'y x y' })
  t.equal(target, names[0], 'scopes have no order')
})

t.test('a new token takes the place of its predecessor, what has expired goes', async (t) => {
  const old = [token(''), token('a'), token('b', { expiresAtMs: 1_500 }), token('c')]
  const next = token('a', { value: 'next', obtainedAtMs: 1_500, expiresAtMs: 2_500 })
  t.same(withToken(old, next), [token(''), next, token('c')])
})

t.test("the login's own stays, even when it has expired", async (t) => {
  const late = token('a', { obtainedAtMs: 3_000, expiresAtMs: 4_000 })
  t.same(withToken([token('')], late), [token(''), late])
})

t.test('a session keeps a bounded number of tokens: the oldest goes first', async (t) => {
  let tokens: readonly AccessToken[] = [token('')]
  for (let nth = 0; nth < 3 * MAX_ROUTE_TOKENS; nth++) tokens = withToken(tokens, token(`${nth}`))
  t.equal(tokens.length, 1 + MAX_ROUTE_TOKENS)
  t.same(tokens.slice(0, 2), [token(''), token(`${3 * MAX_ROUTE_TOKENS - 1}`)])
})
