import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { accepted, refused, type Parsed } from './formats/parsed.ts'

/** Reads a small text file; `wrong` completes a sentence that begins with the file. */
export type FileReader = (path: string) => Parsed<string>

/** Configuration, certificates and secrets are small; anything larger is the wrong file. */
const MAX_FILE_BYTES = 1_048_576

const MEANING: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: 'may not be read by this user',
  EPERM: 'may not be read by this user',
  ENOTDIR: 'does not exist: a part of its path is a file',
  ELOOP: 'is a link that leads to itself',
}

/** Reads files relative to `directory`, as UTF-8 without a byte order mark. */
export function fileReader(directory: string): FileReader {
  return (path) => {
    try {
      return readText(resolve(directory, path))
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'an unknown error'
      return refused(MEANING[code] ?? `cannot be read (${code})`)
    }
  }
}

function readText(path: string): Parsed<string> {
  const stats = statSync(path)
  if (stats.isDirectory()) return refused('is a directory')
  if (!stats.isFile()) return refused('is not a regular file')
  if (stats.size > MAX_FILE_BYTES) return refused('is larger than 1 MiB')
  try {
    return accepted(new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)))
  } catch (error) {
    if (error instanceof TypeError) return refused('is not UTF-8 text')
    throw error
  }
}
