import type { RedisAddress } from '../../session-store/redis-options.ts'
import type { RedisUrl } from '../formats/redis-address.ts'
import { count, duration, list, section, text, optional } from './schema-parts.ts'

const servers = (example: string, description: string) =>
  optional(
    list(text<RedisAddress>('redis-server'), {
      minItems: 1,
      exampleOff: true,
      example,
      description,
    }),
  )

const credential = (example: string, description: string) =>
  optional(text('line', { secret: true, exampleOff: true, example, description }))

/** `session.redis`: where it is, who we are there, and how long we wait. */
export const redisSchema = section(
  {
    url: optional(
      text<RedisUrl>('redis-url', {
        secret: true,
        example: 'rediss://redis:6379',
        description:
          'One server, as redis[s]://[user:password@]host[:port][/database]; rediss speaks TLS. Either this, or sentinels with masterName, or nodes. ' +
          'Example: url: rediss://redis.internal:6379/0 or url: ${REDIS_URL}.',
      }),
    ),
    sentinels: servers(
      '[sentinel-1:26379, sentinel-2:26379, sentinel-3:26379]',
      'host:port of the Sentinels that know the current master. Give all of them: any one that answers is enough. ' +
        'After a failover sessions written in the last moment may be missing: Redis copies to replicas without waiting.',
    ),
    masterName: optional(
      text('line', {
        exampleOff: true,
        example: 'mymaster',
        description:
          'What the Sentinels call the group of master and replicas (sentinel monitor mymaster …). Needed with sentinels, refused without.',
      }),
    ),
    nodes: servers(
      '[redis-1:6379, redis-2:6379, redis-3:6379]',
      'host:port of some nodes of a Redis Cluster; the others are learned from them. All keys of one session live in one slot.',
    ),
    username: optional(
      text('line', {
        exampleOff: true,
        example: 'bearergate',
        description:
          'ACL user. Default: the default user. Give the gateway one of its own that may touch nothing but keyPrefix: the rules are in docs/sessions.md.',
      }),
    ),
    password: credential('${REDIS_PASSWORD}', 'Password of that user. Default: none.'),
    sentinelUsername: optional(
      text('line', {
        exampleOff: true,
        example: 'bearergate',
        description: 'ACL user at the Sentinels. Default: the default user.',
      }),
    ),
    sentinelPassword: credential(
      '${REDIS_SENTINEL_PASSWORD}',
      'Password at the Sentinels, which have users of their own. Default: none.',
    ),
    tls: optional(
      section(
        {
          certificateAuthority: optional(
            text('certificate-file', {
              example: '/etc/bearergate/redis-ca.pem',
              description:
                "PEM file of the only certificates trusted for Redis. Default: the system's. The name in the server's certificate must be that of the configured host.",
            }),
          ),
        },
        {
          description:
            'TLS to Redis, always with verification. For sentinels and nodes its presence switches TLS on (tls: {} is enough); with url write rediss://. ' +
            'Default without it: plain TCP, with a warning when it leaves the machine.',
        },
      ),
    ),
    keyPrefix: text('redis-key-prefix', {
      default: 'bearergate:',
      description:
        'Begins the name of every key and channel. Default bearergate:. Two gateways on one server need different ones; changing it signs everybody out.',
    }),
    database: count({
      default: 0,
      minimum: 0,
      maximum: 10_000,
      description:
        'Number of the database. Default 0; a Cluster has no other. Databases do not separate channels: use keyPrefix for that.',
    }),
    commandTimeout: duration({
      default: '500ms',
      atLeast: '50ms',
      atMost: '900ms',
      description:
        'Longest wait for the answer to one command, after which the browser gets 503. Default 500ms: answers take less than 1ms nearby. Too short turns a ' +
        'slow moment into errors; it is capped at 900ms, as a protected route must answer within a second also while Redis is frozen.',
    }),
  },
  {
    exampleOff: true,
    description:
      'How to reach Redis or Valkey (6.2 or newer), needed with session.store: redis. Set maxmemory-policy noeviction there: an evicted session is a user signed out.',
  },
)
