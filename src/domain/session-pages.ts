import type { ListedSession, SessionQuery, SessionStore } from './session-store.ts'

const PAGE = 200 // some 20 KiB from a store

/**
 * Every session that fits, page after page; some perhaps twice, when sessions come and go meanwhile.
 *
 * @throws GatewayError store_unavailable
 */
export async function* everySession(
  store: Pick<SessionStore, 'list'>,
  query: Pick<SessionQuery, 'indexKey'>,
): AsyncGenerator<ListedSession, void> {
  let cursor: string | undefined
  do {
    const page = await store.list({
      ...query,
      limit: PAGE,
      ...(cursor === undefined ? {} : { cursor }),
    })
    yield* page.sessions
    cursor = page.cursor
  } while (cursor !== undefined)
}
