import type { Redis } from 'ioredis'

/** The policy by which a server throws away what it holds when memory runs short; `undefined` when it does not, or does not say. */
export async function evictionPolicy(server: Pick<Redis, 'info'>): Promise<string | undefined> {
  const text = await server.info('memory').catch(() => '') // some providers of Redis forbid it
  const field = (name: string) => new RegExp(`^${name}:([\\w-]+)`, 'm').exec(text)?.[1]
  const policy = field('maxmemory_policy')
  const isBounded = (field('maxmemory') ?? '0') !== '0'
  return isBounded && policy !== 'noeviction' ? policy : undefined
}
