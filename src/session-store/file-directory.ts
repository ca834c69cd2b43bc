import { chmodSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The session files cannot be used as they are; the message names them and says what to do. */
export class SessionFileError extends Error {
  override readonly name = 'SessionFileError'
}

const DATA_FILE = 'sessions.mdb'
const OURS = new Set([DATA_FILE, `${DATA_FILE}-lock`])
const HARMLESS = new Set(['lost+found']) // of a volume mounted here
const OWNER_ONLY = 0o700
const NO_BACKUP = 'Nothing was changed.'

/**
 * The path of the data file in a directory that only its owner can enter, made when it is not there
 * (SE-24). A directory with anybody else's files is refused before anything in it is touched.
 *
 * @throws SessionFileError
 */
export function prepareDirectory(path: string): string {
  try {
    makeDirectory(path)
    const foreign = readdirSync(path).find((name) => !OURS.has(name) && !HARMLESS.has(name))
    if (foreign !== undefined) {
      throw new SessionFileError(
        `${path}: it holds "${foreign}", which is not ours; give session.file.path a directory of its own. ${NO_BACKUP}`,
      )
    }
    closeToOthers(path)
  } catch (cause) {
    if (cause instanceof SessionFileError) throw cause
    throw new SessionFileError(`${path}: ${explain(cause)}. ${NO_BACKUP}`, { cause })
  }
  return join(path, DATA_FILE)
}

/** What is missing of a path. Node's own recursive mkdir never ends where none can be made in a directory that is there, as in /proc. */
function makeDirectory(path: string): void {
  if (existsSync(path)) return
  const parent = dirname(path)
  if (parent !== path) makeDirectory(parent)
  mkdirSync(path, { mode: OWNER_ONLY })
}

/** A directory of another owner (a mounted volume) stays as it is: the files in it are closed anyway. */
function closeToOthers(path: string): void {
  const { mode, uid } = statSync(path)
  if (uid === process.geteuid?.() && (mode & 0o077) !== 0) chmodSync(path, OWNER_ONLY)
}

const EXPLANATIONS: Record<string, string> = {
  EACCES:
    'this user may not write there; give it the directory, or name another in session.file.path',
  EPERM:
    'this user may not write there; give it the directory, or name another in session.file.path',
  EROFS: 'the file system is read-only; mount a writable volume there',
  ENOTDIR: 'it is not a directory; name a directory in session.file.path',
  EEXIST: 'it is not a directory; name a directory in session.file.path',
  ENOENT: 'no directory can be made there; name another in session.file.path',
  ENOSPC: 'the disk is full; make room',
}

/** What an error of the operating system means for whoever configured the path. */
export function explain(cause: unknown): string {
  const code = String((cause as NodeJS.ErrnoException).code)
  return EXPLANATIONS[code] ?? (cause instanceof Error ? cause.message : 'it cannot be used')
}

/** The error for a data file that is not, or no longer, one of ours. */
export function damaged(file: string, what: string, cause?: unknown): SessionFileError {
  return new SessionFileError(
    `${file}: ${what}. Restore it from a backup, or move it (and ${DATA_FILE}-lock) away to start without sessions: everybody signs in again. ${NO_BACKUP}`,
    { cause },
  )
}
