import type { Emit } from './events.ts'
import { everySession } from './session-pages.ts'
import type { ListedSession, SessionQuery, SessionStore } from './session-store.ts'
import type { Vault } from './session-vault.ts'

/** Whose sessions an operator means. */
export type SessionSelection =
  | { readonly kind: 'all' }
  | { readonly kind: 'subject'; readonly issuer: string; readonly subject: string }
  | { readonly kind: 'sid'; readonly issuer: string; readonly sid: string }

/** One session, by the key it was listed with. */
export interface SessionByKey {
  readonly kind: 'key'
  readonly key: string
}

export interface OperatorPage {
  readonly sessions: readonly OperatorSession[]
  /** Absent on the last page. */
  readonly cursor?: string
}

/** What operators see of a session: no user, no claim, no token. */
export interface OperatorSession extends ListedSession {
  /** By the lifetime that is configured now. */
  readonly createdAtMs: number
}

/** Sessions as operators handle them: counted and ended, never read (SE-14). */
export interface SessionOperations {
  /** @throws GatewayError store_unavailable */
  list(selection: SessionSelection, page: Omit<SessionQuery, 'indexKey'>): Promise<OperatorPage>
  /**
   * Ends what there is when it is called; answers how many. Every replica hears of it from the
   * store, drops its copy and closes what is open. @throws GatewayError store_unavailable: some may live on
   */
  end(selection: SessionSelection | SessionByKey): Promise<number>
}

export interface SessionOperationsParts {
  readonly store: Pick<SessionStore, 'list' | 'end' | 'endByIndex'>
  readonly vault: Pick<Vault, 'indexKey'>
  readonly lifetimeMs: number
  readonly emit: Emit
}

type Owner =
  | { readonly issuer: string; readonly subject: string }
  | { readonly issuer: string; readonly sid: string }

const ENDED_AT_ONCE = 50

/** Needs the store only, so that it works beside running gateways as well as inside one. */
export function createSessionOperations(parts: SessionOperationsParts): SessionOperations {
  const { store, vault, lifetimeMs, emit } = parts

  /** Where the store files them, and whose they are. */
  function filed(selection: Exclude<SessionSelection, { kind: 'all' }>) {
    const { kind, ...owner } = selection
    const value = 'sid' in owner ? owner.sid : owner.subject
    return { indexKey: vault.indexKey(kind === 'sid' ? 'sid' : 'sub', owner.issuer, value), owner }
  }

  function report(count: number, owner: Owner | undefined): void {
    for (let nth = 0; nth < count; nth++) {
      emit({ type: 'session_ended', reason: 'session_revoked', ...owner })
    }
  }

  async function endKeys(keys: readonly string[]): Promise<number> {
    const ended = await Promise.all(keys.map((key) => store.end(key, 'session_revoked')))
    const count = ended.filter(Boolean).length
    report(count, undefined)
    return count
  }

  async function endFiled(indexKey: string, owner: Owner): Promise<number> {
    const { length } = await store.endByIndex(indexKey, 'session_revoked')
    report(length, owner)
    return length
  }

  async function endAll(): Promise<number> {
    let count = 0
    let keys: string[] = []
    for await (const { key } of everySession(store, {})) {
      keys.push(key)
      if (keys.length < ENDED_AT_ONCE) continue
      count += await endKeys(keys)
      keys = []
    }
    return count + (await endKeys(keys))
  }

  return {
    async list(selection, page) {
      const query =
        selection.kind === 'all' ? page : { ...page, indexKey: filed(selection).indexKey }
      const { sessions, cursor } = await store.list(query)
      const listed = sessions.map((session) => ({
        ...session,
        createdAtMs: session.endsAtMs - lifetimeMs,
      }))
      return { sessions: listed, ...(cursor === undefined ? {} : { cursor }) }
    },
    async end(selection) {
      if (selection.kind === 'key') return endKeys([selection.key])
      if (selection.kind === 'all') return endAll()
      const { indexKey, owner } = filed(selection)
      return endFiled(indexKey, owner)
    },
  }
}
