import { isAbsolute, relative, resolve } from 'node:path'
import type { CommandIo } from './command-io.ts'

export const DEFAULT_CONFIG_FILE = 'bearergate.yaml'

/** The configuration file a command works on: the option, else `BEARERGATE_CONFIG`, else the default name here. */
export function configFile(option: string | undefined, io: CommandIo): string {
  return resolve(io.cwd, option ?? io.env.BEARERGATE_CONFIG ?? DEFAULT_CONFIG_FILE)
}

/** A file as a person here would write it. */
export function shortName(file: string, { cwd }: CommandIo): string {
  const fromHere = relative(cwd, file)
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? file : fromHere
}
