import { parseArgs, type ParseArgsConfig } from 'node:util'

/** The command line makes no sense: exit code 2 and a hint. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

type Options = NonNullable<ParseArgsConfig['options']>

/**
 * Options and positionals of one command; every command knows `--help`.
 *
 * @throws UsageError an unknown option, a missing value, more than `maxPositionals` words
 */
export function parseArguments<const T extends Options>(
  args: readonly string[],
  options: T,
  maxPositionals = 0,
) {
  const parsed = attempt(() =>
    parseArgs({
      args: [...args],
      options: { ...options, help: { type: 'boolean', short: 'h' } } as const,
      allowPositionals: true,
      strict: true,
    }),
  )
  const extra = parsed.positionals[maxPositionals]
  if (extra !== undefined) throw new UsageError(`unexpected argument '${extra}'`)
  return parsed
}

function attempt<T>(parse: () => T): T {
  try {
    return parse()
  } catch (cause) {
    // node:util puts a how-to for programmers behind the first sentence.
    const message = cause instanceof Error ? (cause.message.split('. ')[0] ?? '') : String(cause)
    throw new UsageError(lowerFirst(message), { cause })
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
