import type { Adapter, AdapterPayload } from 'oidc-provider'

type Records = Map<string, AdapterPayload>

/**
 * Storage for one test provider: outlives a stop and a restart, never expires by itself.
 * Clients are looked up in `clients` at each request, so that a test may register a gateway late.
 */
export function createProviderStorage(
  clients: (id: string) => AdapterPayload | undefined,
): (model: string) => Adapter {
  const records: Records = new Map()
  const find = (model: string, wanted: (payload: AdapterPayload) => boolean) =>
    [...records].find(([key, payload]) => key.startsWith(`${model}:`) && wanted(payload))?.[1]
  return (model) => ({
    find: async (id) => (model === 'Client' ? clients(id) : records.get(`${model}:${id}`)),
    findByUid: async (uid) => find(model, (payload) => payload.uid === uid),
    findByUserCode: async (code) => find(model, (payload) => payload.userCode === code),
    upsert: async (id, payload) => void records.set(`${model}:${id}`, { ...payload }),
    destroy: async (id) => void records.delete(`${model}:${id}`),
    consume: async (id) => {
      const payload = records.get(`${model}:${id}`)
      if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000)
    },
    revokeByGrantId: async (grantId) => {
      for (const [key, payload] of records) {
        if (key.startsWith(`${model}:`) && payload.grantId === grantId) records.delete(key)
      }
    },
  })
}
