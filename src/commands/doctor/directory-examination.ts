import { accessSync, constants, statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { explain, prepareDirectory } from '../../session-store/file-directory.ts'
import { failure, ok, skipped, warning, type Tell } from './finding.ts'
import { fileFailure } from './store-failure.ts'

/** Where session files are, as configured. */
interface SessionFile {
  readonly path: string
  readonly maxBytes: number
}

/**
 * Looks at the directory and makes nothing there; true when the store in it may be opened. What doctor made would
 * belong to whoever runs it, and the gateway could not open it.
 */
export function examineDirectory({ path, maxBytes }: SessionFile, tell: Tell): boolean {
  const there = nearest(path)
  const trouble = troubleWith(there)
  if (trouble !== undefined) {
    const advice = 'is doctor run as the user of the gateway? If so, mend the directory as said'
    tell(failure('directory', `${there}: ${explain(trouble)}`, advice))
    return false
  }
  examineSpace(there, maxBytes, tell)
  if (there !== path) {
    tell(skipped('store', `${path} is not there yet: the gateway makes it when it starts`))
    return false
  }
  return mayBeOpened(path, tell)
}

/** As the operating system says it. */
function troubleWith(path: string): unknown {
  if (!statSync(path).isDirectory()) return { code: 'ENOTDIR' }
  try {
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK)
    return undefined
  } catch (cause) {
    return cause
  }
}

/** True when there are sessions, and opening them leaves nothing behind that the gateway may not open. */
function mayBeOpened(path: string, tell: Tell): boolean {
  try {
    const uid = ownerOf(prepareDirectory(path))
    if (uid === undefined)
      tell(
        skipped(
          'store',
          `${path} holds no sessions yet: the gateway makes its file when it starts`,
        ),
      )
    else if (process.geteuid?.() === 0 && uid !== 0)
      tell(
        skipped(
          'store',
          `${path} belongs to user ${uid}, and root may everything: run doctor as that user`,
        ),
      )
    else return true
  } catch (cause) {
    tell(fileFailure(cause))
  }
  return false
}

function ownerOf(file: string): number | undefined {
  return statSync(file, { throwIfNoEntry: false })?.uid
}

function examineSpace(path: string, maxBytes: number, tell: Tell): void {
  const { bavail, bsize } = statfsSync(path)
  const freeBytes = bavail * bsize
  const found = `${inMegabytes(freeBytes)} are free, session.file.maxSize is ${inMegabytes(maxBytes)}`
  if (freeBytes >= maxBytes) tell(ok('disk', found))
  else
    tell(
      warning('disk', found, 'make room, or lower session.file.maxSize: a full disk stops logins'),
    )
}

function inMegabytes(bytes: number): string {
  return `${Math.floor(bytes / 1_048_576)} MiB`
}

/** The path, or what of the way to it is there. */
function nearest(path: string): string {
  try {
    statSync(path)
    return path
  } catch {
    const above = dirname(path)
    return above === path ? path : nearest(above)
  }
}
