import { existsSync } from 'node:fs'
import type { GatewayConfig, SessionConfig } from '../../config/gateway-config.ts'
import { GatewayError } from '../../domain/gateway-error.ts'
import { createSessionOperations } from '../../domain/session-operations.ts'
import type { SessionStore } from '../../domain/session-store.ts'
import { createStore } from '../../gateway-store.ts'
import { listWish, sessionSelection } from '../../server/operator-parameters.ts'
import { sessionRow } from '../../server/session-row.ts'
import { SessionFileError } from '../../session-store/file-directory.ts'
import { vault } from '../../session-store/vault.ts'
import { createSteadyClock } from '../../steady-clock.ts'
import { storeTrouble } from '../serving-store.ts'
import { SessionDeskError, type SessionDesk } from './session-desk.ts'

const PAGE = 500
const CONNECT_WITHIN_MS = 5_000

/**
 * The sessions in the store of a configuration, without any gateway. Those that run hear of every
 * end from the store.
 *
 * @throws SessionDeskError the store cannot be reached
 */
export async function openStore({ session, providers }: GatewayConfig): Promise<SessionDesk> {
  const issuers = providers.map(({ issuer }) => issuer)
  const store = await open(session)
  await connected(store)
  const { lifetimeMs } = session
  const emit = () => undefined // there is no log here: the command tells what it did
  const operations = createSessionOperations({ store, vault, lifetimeMs, emit })
  return {
    async *list(whose) {
      const { selection } = listWish(whose, issuers)
      let cursor: string | undefined
      do {
        const from = cursor === undefined ? {} : { cursor }
        const page = await told(operations.list(selection, { limit: PAGE, ...from }))
        yield* page.sessions.map(sessionRow)
        cursor = page.cursor
      } while (cursor !== undefined)
    },
    end: (whose) => told(operations.end(sessionSelection(whose, issuers))),
    close: () => store.close(),
  }
}

async function open(session: SessionConfig): Promise<SessionStore> {
  const { file } = session
  // Made here, it would belong to whoever runs the command.
  if (file !== undefined && !existsSync(file.path)) {
    throw new SessionDeskError(`${file.path} is not there: no gateway has kept sessions in it yet`)
  }
  try {
    return await createStore(session, createSteadyClock(), () => undefined)
  } catch (cause) {
    throw cause instanceof SessionFileError ? deskError(cause) : cause
  }
}

async function connected(store: SessionStore): Promise<void> {
  const failure = await storeTrouble(store, CONNECT_WITHIN_MS)
  if (failure === undefined) return
  await store.close()
  throw deskError(failure)
}

async function told<Value>(work: Promise<Value>): Promise<Value> {
  try {
    return await work
  } catch (cause) {
    throw cause instanceof GatewayError ? deskError(cause) : cause
  }
}

function deskError(cause: unknown): SessionDeskError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new SessionDeskError(`the session store cannot be used: ${why}`, { cause })
}
