import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createFileSessionStore } from '../../src/session-store/file-session-store.ts'
import { sessionStoreContract, type StoreUnderTest } from './session-store-contract.ts'

async function newFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'bearergate-file-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function fileBed(t: Test): Promise<StoreUnderTest> {
  const path = await newFolder(t)
  let nowMs = 1_700_000_000_000
  const options = { path, maxSessions: 100, maxBytes: 2 ** 30, nowMs: () => nowMs }
  const store = createFileSessionStore(options)
  const other = createFileSessionStore(options)
  const keepsProcess = setInterval(() => {}, 60_000) // the stores' own timers keep none alive
  t.teardown(async () => {
    clearInterval(keepsProcess)
    await store.close()
    await other.close()
  })
  return { store, other, nowMs: () => nowMs, elapse: async (ms) => void (nowMs += ms) }
}

sessionStoreContract(t, fileBed)
