import t from 'tap'
import {
  allowsSharedCaches,
  privateCacheControl,
  varyByCookie,
} from '../../src/domain/cache-policy.ts'

const CACHE_CONTROLS = [
  ['', 'private, no-store'],
  ['  ', 'private, no-store'],
  ['no-store', 'no-store'],
  ['private', 'private'],
  ['private, max-age=60', 'private, max-age=60'],
  ['Private, Max-Age=60', 'Private, Max-Age=60'],
  ['max-age=60', 'private, max-age=60'],
  ['public, max-age=60', 'private, max-age=60'],
  ['PUBLIC,MAX-AGE=60', 'private, MAX-AGE=60'],
  ['public, s-maxage=600, immutable', 'private, immutable'],
  ['s-maxage = 600', 'private'],
  ['public', 'private'],
  ['no-cache', 'private, no-cache'],
  ['must-revalidate', 'private, must-revalidate'],
  ['public, private', 'private'],
  ['public, no-store', 'no-store'],
  ['private="x-user, x-group", max-age=60', 'private, private="x-user, x-group", max-age=60'],
  ['max-age=60, public, ext="public, private"', 'private, max-age=60, ext="public, private"'],
  ['max-age=60, , ,', 'private, max-age=60'],
  ['ext="unclosed, public', 'private, ext="unclosed, public'],
] as const

for (const [received, expected] of CACHE_CONTROLS) {
  t.test(`ER-7 an answer to a user with "${received}"`, async (t) => {
    t.equal(privateCacheControl(received), expected)
  })
}

t.test('ER-7 shared caches are allowed only by name', async (t) => {
  for (const open of ['public', 'public, max-age=60', 's-maxage=60', 'Public'])
    t.equal(allowsSharedCaches(open), true, open)
  for (const closed of [
    '',
    'max-age=60',
    'public, private',
    'public, no-store',
    'no-cache',
    'ext="public"',
  ]) {
    t.equal(allowsSharedCaches(closed), false, closed)
  }
})

t.test('ER-7 Vary counts the cookie in, once', async (t) => {
  t.equal(varyByCookie(''), 'Cookie')
  t.equal(varyByCookie('Accept-Encoding'), 'Accept-Encoding, Cookie')
  t.equal(varyByCookie('accept, COOKIE'), 'accept, COOKIE')
  t.equal(varyByCookie('*'), '*')
  t.equal(varyByCookie('X-Cookie'), 'X-Cookie, Cookie')
})
