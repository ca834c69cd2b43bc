import { readVersion } from '../version.ts'
import { UsageError } from './arguments.ts'
import { EXIT, type CommandIo } from './command-io.ts'
import { COMMANDS, type Command } from './command-table.ts'

const DEFAULT_COMMAND = 'serve'

/** Runs what the command line asks for; answers the exit code. */
export async function runCommand(argv: readonly string[], io: CommandIo): Promise<number> {
  const [first, ...rest] = argv
  if (first === '--help' || first === '-h' || first === 'help') return help(rest, io)
  if (first === '--version' || first === '-v' || first === 'version') {
    io.stdout.write(`${readVersion()}\n`)
    return EXIT.ok
  }
  if (first === undefined || first.startsWith('-')) return run(DEFAULT_COMMAND, argv, io)
  return run(first, rest, io)
}

async function run(name: string, args: readonly string[], io: CommandIo): Promise<number> {
  const command = commandNamed(name)
  if (command === undefined) return usage(`unknown command '${name}'${suggestion(name)}`, '', io)
  try {
    return await command.run(args, io)
  } catch (error) {
    if (error instanceof UsageError) return usage(error.message, ` ${name}`, io)
    throw error
  }
}

function commandNamed(name: string): Command | undefined {
  return Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
}

function usage(message: string, command: string, io: CommandIo): number {
  io.stderr.write(`bearergate: ${message}\nTry 'bearergate${command} --help'.\n`)
  return EXIT.usage
}

function help([name]: readonly string[], io: CommandIo): Promise<number> | number {
  if (name !== undefined) return run(name, ['--help'], io)
  const names = Object.entries(COMMANDS)
  const lines = names.map(([command, { summary }]) => `  ${command.padEnd(13)}${summary}`)
  io.stdout.write(
    `bearergate: an OAuth 2.0 / OpenID Connect gateway in front of your API\n
Usage: bearergate [command] [options]\n
Commands:\n${lines.join('\n')}
  help         this text, or that of a command: bearergate help serve
  version      the version\n
Exit codes: 0 fine, 1 failed or invalid configuration, 2 wrong usage
`,
  )
  return EXIT.ok
}

function suggestion(name: string): string {
  const near = Object.keys(COMMANDS).find((known) => distance(known, name) <= 2)
  return near === undefined ? '' : `, did you mean '${near}'?`
}

/** Levenshtein: the number of letters to change. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      next[j] = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same)
    }
    row = next
  }
  return row[b.length] ?? 0
}
