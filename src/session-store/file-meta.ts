import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { damaged } from './file-directory.ts'

/*
 * The library ends the whole process when it is handed a file of another kind (SIGSEGV) or one whose
 * end is missing (SIGBUS): both are looked for before it reads anything. The file begins with two
 * meta pages, of which each has this (lmdb 3.5, data version 2).
 */
const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const MAGIC_AT = 24
const VERSION_AT = 28
const PAGE_SIZE_AT = 48
const LAST_PAGE_AT = 144
const TRANSACTION_AT = 152
const BOOT_AT = 160
const META_BYTES = 176
// The last pages may be free ones that were never written (mdb.c, mm_last_pg).
const UNWRITTEN_PAGES = 16

/** Passes over a file that is not there or still empty. @throws SessionFileError it is damaged or foreign */
export function checkMeta(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0) return
  const descriptor = openSync(file, 'r')
  try {
    const first = readMeta(descriptor, 0)
    if (!isMeta(first)) throw damaged(file, 'it is not a session file')
    const pageSize = first.readUInt32LE(PAGE_SIZE_AT)
    const second = readMeta(descriptor, pageSize)
    if (!isMeta(second)) throw damaged(file, 'it is damaged')
    if (size < (lastPage(first, second) + 1 - UNWRITTEN_PAGES) * pageSize)
      throw damaged(file, 'its end is missing')
  } finally {
    closeSync(descriptor)
  }
}

function readMeta(descriptor: number, position: number): Buffer {
  const meta = Buffer.alloc(META_BYTES)
  readSync(descriptor, meta, { position })
  return meta
}

function isMeta(meta: Buffer): boolean {
  return meta.readUInt32LE(MAGIC_AT) === MAGIC && meta.readUInt32LE(VERSION_AT) === DATA_VERSION
}

/**
 * By the newest transaction; by either one when the machine was started since, because the library
 * then goes back to the one that is known to be on the disk.
 */
function lastPage(first: Buffer, second: Buffer): number {
  const number = (meta: Buffer, at: number) => Number(meta.readBigUInt64LE(at))
  const isFirst = number(first, TRANSACTION_AT) > number(second, TRANSACTION_AT)
  const newest = isFirst ? first : second
  const last = number(newest, LAST_PAGE_AT)
  if (number(newest, BOOT_AT) === bootId()) return last
  return Math.min(number(first, LAST_PAGE_AT), number(second, LAST_PAGE_AT))
}

/** The same number as the library makes of it. */
function bootId(): number {
  try {
    return Number.parseInt(readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'), 16)
  } catch {
    return 0
  }
}
