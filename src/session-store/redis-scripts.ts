/*
 * What has to happen at once in Redis. Each script uses keys of one session only (one slot), names
 * them in KEYS, and uses no command that Valkey and Redis 6.2 lack. Times are text of fixed width
 * (redis-record.ts), so that `<` on text is `<` on numbers.
 */

/** KEYS session, end. ARGV value, ttl, absolute end, ttl of the end. Nothing when it was ended before it began. */
const create = `
local ended = redis.call('GET', KEYS[2])
if ended and not tonumber(ended) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
return 1`

/** KEYS session. ARGV expected version, next version, sealed, channel, message. Never re-creates (STACK R2, RT-14). */
const replace = `
local header = redis.call('GETRANGE', KEYS[1], 0, 38)
if string.sub(header, 2, 11) ~= ARGV[1] then return 0 end
local value = string.sub(header, 1, 1) .. ARGV[2] .. string.sub(header, 12) .. ARGV[3]
redis.call('SET', KEYS[1], value, 'KEEPTTL')
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1`

/** KEYS session, end. ARGV idle end, now, how long the reason outlives it. Never past the absolute end (SE-8). */
const touch = `
local ends = redis.call('GETRANGE', KEYS[1], 25, 38)
if ends == '' then return 0 end
local idle = ARGV[1] < ends and ARGV[1] or ends
local left = tonumber(idle) - tonumber(ARGV[2])
if left <= 0 then return 0 end
redis.call('SETRANGE', KEYS[1], 11, idle)
redis.call('PEXPIRE', KEYS[1], left)
redis.call('PEXPIRE', KEYS[2], left + tonumber(ARGV[3]))
return 1`

/**
 * KEYS session, end. ARGV reason, its ttl, channel, message, '1' when a session that is about to
 * be created must be stopped too (LO-9).
 */
const finish = `
local alive = redis.call('DEL', KEYS[1])
if alive == 1 then
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
elseif ARGV[5] ~= '1' or not redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2], 'NX') then
  return 0
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return alive`

/** KEYS index. ARGV session key, its end, now, its ttl, cap. Answers who had to give way. */
const file = `
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. ARGV[3])
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[4]) then redis.call('PEXPIRE', KEYS[1], ARGV[4]) end
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[5])
if over <= 0 then return {} end
local gone = redis.call('ZRANGE', KEYS[1], 0, over - 1)
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, over - 1)
return gone`

/** KEYS lock. ARGV owner, lease. */
const lock = `
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`

/** KEYS lock. ARGV owner, lease. */
const renew = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`

/** KEYS lock. ARGV owner, channel, message. */
const unlock = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 1`

/** As ioredis registers them: EVALSHA, and EVAL where the server does not know the script. */
export const REDIS_SCRIPTS = {
  bearergateCreate: { lua: create, numberOfKeys: 2 },
  bearergateReplace: { lua: replace, numberOfKeys: 1 },
  bearergateTouch: { lua: touch, numberOfKeys: 2 },
  bearergateFinish: { lua: finish, numberOfKeys: 2 },
  bearergateFile: { lua: file, numberOfKeys: 1 },
  bearergateLock: { lua: lock, numberOfKeys: 1 },
  bearergateRenew: { lua: renew, numberOfKeys: 1 },
  bearergateUnlock: { lua: unlock, numberOfKeys: 1 },
} as const

type Argument = string | number | Buffer

/** The scripts as methods of a client. */
export interface RedisScripts {
  bearergateCreate(session: string, end: string, ...rest: Argument[]): Promise<number>
  bearergateReplace(session: string, ...rest: Argument[]): Promise<number>
  bearergateTouch(session: string, end: string, ...rest: Argument[]): Promise<number>
  bearergateFinish(session: string, end: string, ...rest: Argument[]): Promise<number>
  bearergateFile(index: string, ...rest: Argument[]): Promise<string[]>
  bearergateLock(lock: string, ...rest: Argument[]): Promise<number>
  bearergateRenew(lock: string, ...rest: Argument[]): Promise<number>
  bearergateUnlock(lock: string, ...rest: Argument[]): Promise<number>
}
