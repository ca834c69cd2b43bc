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
  const known = { ...options, help: { type: 'boolean', short: 'h' } } as const
  const parsed = attempt(() =>
    parseArgs({
      args: withDashedValues(args, known),
      options: known,
      allowPositionals: true,
      strict: true,
    }),
  )
  const extra = parsed.positionals[maxPositionals]
  if (extra !== undefined) throw new UsageError(`unexpected argument '${extra}'`)
  return parsed
}

/** Session keys and ids are base64url: one in 64 begins with a dash, and is pasted as it is. */
function withDashedValues(args: readonly string[], options: Options): string[] {
  const joined: string[] = []
  for (const arg of args) {
    const option = joined.at(-1)
    const isValue = option !== undefined && wantsValue(option, options)
    if (isValue && arg.startsWith('-') && !isOption(arg, options))
      joined.splice(-1, 1, `${option}=${arg}`)
    else joined.push(arg)
  }
  return joined
}

function wantsValue(arg: string, options: Options): boolean {
  return arg.startsWith('--') && options[arg.slice(2)]?.type === 'string'
}

function isOption(arg: string, options: Options): boolean {
  const [name = ''] = arg.split('=')
  return Object.entries(options).some(
    ([long, { short }]) => name === `--${long}` || name === `-${short ?? long}`,
  )
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
