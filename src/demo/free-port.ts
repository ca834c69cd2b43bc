import { createServer } from 'node:http'
import { ListenError, listen } from '../server/listen.ts'

const ANY = 0

/**
 * A loopback port nobody listens on: the wished one if it is free, else any.
 *
 * Free at this moment: another process may take it before we do.
 */
export async function freePort(wish: number): Promise<number> {
  return (await isFree(wish)) ? wish : portOf(ANY)
}

/** True when the loopback port could be listened on just now. */
export async function isFree(port: number): Promise<boolean> {
  try {
    await portOf(port)
    return true
  } catch (error) {
    if (error instanceof ListenError) return false
    throw error
  }
}

async function portOf(port: number): Promise<number> {
  const server = createServer()
  const address = await listen(server, '127.0.0.1', port)
  await new Promise((resolve) => server.close(resolve))
  return Number(new URL(address).port)
}
