import { randomInt } from 'node:crypto'
import { open, type Database, type RootDatabase } from 'lmdb'
import { within } from '../domain/deadline.ts'
import { GatewayError } from '../domain/gateway-error.ts'
import { damaged, prepareDirectory, SessionFileError } from './file-directory.ts'
import { checkMeta } from './file-meta.ts'

/** Ordered: by the first part, then by the second. */
export type TableKey = string | readonly (string | number)[]
export type Table = Database<Buffer, TableKey & string>

/** The tables of a session file, shared by the processes of one machine. */
export interface FileDatabase {
  /** key → session; with a revision. */
  readonly sessions: Table
  /** key → why and until when it is remembered. */
  readonly ended: Table
  /** [index key, key]. */
  readonly filed: Table
  /** [epoch ms, kind, key]: what is over first comes first. */
  readonly expiring: Table
  /** Locks, notes and consumed keys; with a revision. */
  readonly leases: Table
  /** writer → number of its newest change. */
  readonly heads: Table
  /** [writer, slot] → change. */
  readonly changes: Table
  /** What is under the key at this moment, whoever wrote it. @throws GatewayError store_unavailable */
  look(table: Table, key: TableKey): Stored | undefined
  /** Keys in order, as of this moment. @throws GatewayError store_unavailable */
  keys<Key extends TableKey>(table: Table, range: KeyRange): Key[]
  /**
   * Writes all or nothing, and only while the entry still has the revision that was seen
   * (`undefined`: while there is none); false when it has changed. Committed when it resolves.
   *
   * @throws GatewayError store_unavailable
   */
  writeIf(
    table: Table,
    key: TableKey,
    revision: number | undefined,
    fill: (batch: Batch) => void,
  ): Promise<boolean>
  /** Writes all or nothing. @throws GatewayError store_unavailable */
  write(fill: (batch: Batch) => void): Promise<void>
  /** Octets in use for sessions and what finds them. */
  usedBytes(): number
  sessionCount(): number
  close(): Promise<void>
}

export interface Stored {
  readonly value: Buffer
  readonly revision: number
}

export interface KeyRange {
  readonly start?: TableKey
  readonly end?: TableKey
  readonly limit?: number
}

export interface Batch {
  put(table: Table, key: TableKey, value: Buffer | string): void
  remove(table: Table, key: TableKey): void
}

const FORMAT = 'bearergate sessions 1' // another layout of these tables gets another number (SE-24)
const TABLES = ['sessions', 'ended', 'filed', 'expiring', 'leases', 'heads', 'changes'] as const
const WITH_REVISION: ReadonlySet<string> = new Set(['sessions', 'leases'])
const WRITE_DEADLINE_MS = 900 // callers are promised an answer within a second (SE-17)
const CLOSE_DEADLINE_MS = 2_000
const FILE_MODE = 0o600
const REVISIONS = 2 ** 48 - 1

/**
 * Opens (or makes) the session file in a directory.
 *
 * @throws SessionFileError it is damaged, foreign, of another format, or may not be used
 */
export function openFileDatabase(directory: string): FileDatabase {
  const file = prepareDirectory(directory)
  const { root, tables } = openTables(file)
  const all = Object.values(tables)

  function fresh<Result>(read: () => Result): Result {
    try {
      root.resetReadTxn() // else this event turn goes on seeing what it saw first
      return read()
    } catch (cause) {
      throw unavailable('cannot be read', cause)
    }
  }

  return {
    ...tables,
    look: (table, key) => fresh(() => stored(table.getEntry(key as never))),
    keys: (table, range) => fresh(() => [...table.getKeys(range as object)] as never),
    writeIf: (table, key, revision, fill) =>
      committed((batch) =>
        revision === undefined
          ? table.ifNoExists(key as never, () => fill(batch))
          : table.ifVersion(key as never, revision, () => fill(batch)),
      ),
    write: async (fill) => void (await committed((batch) => root.batch(() => fill(batch)))),
    usedBytes: () => fresh(() => all.reduce((sum, table) => sum + pagesOf(table), 0)),
    sessionCount: () => fresh(() => (tables.sessions.getStats() as Stats).entryCount),
    close: () => within(CLOSE_DEADLINE_MS, root.close()).catch(() => undefined),
  }
}

type Tables = Record<(typeof TABLES)[number], Table>

function openTables(file: string): { root: RootDatabase<Buffer, string>; tables: Tables } {
  let root: RootDatabase<Buffer, string> | undefined
  try {
    checkMeta(file)
    const options = {
      path: file,
      noSubdir: true,
      encoding: 'binary',
      permissionsMode: FILE_MODE,
      // Else each turn gets a batch around ours, whose promise nobody can listen to: a failed commit
      // (a full disk) would end the process.
      eventTurnBatching: false,
    }
    root = open<Buffer, string>(options as Parameters<typeof open>[0])
    checkFormat(root, file)
    return { root, tables: tablesOf(root) }
  } catch (cause) {
    void root?.close().catch(() => undefined)
    if (cause instanceof SessionFileError) throw cause
    throw damaged(
      file,
      `it cannot be read (${cause instanceof Error ? cause.message : 'no reason given'})`,
      cause,
    )
  }
}

/** A file without our mark is somebody else's unless it is empty, or another process is making it just now. */
function checkFormat(root: RootDatabase<Buffer, string>, file: string): void {
  const names = [...root.getKeys()].filter((name) => name !== 'about')
  const about = root.openDB<Buffer, string>({
    name: 'about',
    encoding: 'binary',
    create: names.length === 0,
  } as never)
  root.resetReadTxn() // what others wrote since the first look
  const format = about.get('format')?.toString()
  if (format === FORMAT) return
  if (format !== undefined)
    throw damaged(file, `it was written by another version ("${format}", not "${FORMAT}")`)
  if (names.length > 0 || about.getKeysCount() > 0) throw damaged(file, 'it is not a session file')
  about.putSync('format', Buffer.from(FORMAT))
}

function tablesOf(root: RootDatabase<Buffer, string>): Tables {
  const table = (name: string) =>
    root.openDB({ name, encoding: 'binary', useVersions: WITH_REVISION.has(name) })
  return Object.fromEntries(TABLES.map((name) => [name, table(name)])) as unknown as Tables
}

function stored(entry: { value: Buffer; version?: number } | undefined): Stored | undefined {
  return entry === undefined ? undefined : { value: entry.value, revision: entry.version ?? 0 }
}

/** The library reports a failed commit by every promise it gave out: all are listened to, one is believed. */
async function committed(write: (batch: Batch) => PromiseLike<boolean>): Promise<boolean> {
  const parts: PromiseLike<unknown>[] = []
  const batch: Batch = {
    put: (table, key, value) =>
      void parts.push(table.put(key as never, bytes(value), randomInt(1, REVISIONS))),
    remove: (table, key) => void parts.push(table.remove(key as never)),
  }
  try {
    const whole = write(batch)
    for (const part of parts) part.then(undefined, () => {})
    // Another process may be stopped in the middle of its own write: nobody waits for it for ever.
    return await within(WRITE_DEADLINE_MS, whole)
  } catch (cause) {
    throw unavailable('cannot be written', await causeOf(cause))
  }
}

function bytes(value: Buffer | string): Buffer {
  return typeof value === 'string' ? Buffer.from(value) : value
}

async function causeOf(failure: unknown): Promise<unknown> {
  const { commitError } = failure as { commitError?: Promise<never> }
  return commitError === undefined ? failure : commitError.catch((cause: unknown) => cause)
}

function unavailable(what: string, cause: unknown): GatewayError {
  return new GatewayError('store_unavailable', `the session file ${what}`, { cause })
}

interface Stats {
  readonly pageSize: number
  readonly entryCount: number
  readonly treeBranchPageCount: number
  readonly treeLeafPageCount: number
  readonly overflowPages: number
}

function pagesOf(table: Table): number {
  const stats = table.getStats() as Stats
  const pages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages
  return pages * stats.pageSize
}
