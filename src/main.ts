#!/usr/bin/env node
import { runCommand } from './commands/run-command.ts'

const EXIT_GRACE_MS = 2_000

const exitCode = await runCommand(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  get stdin() {
    return process.stdin // opened only by a command that asks
  },
  env: process.env,
  cwd: process.cwd(),
})
process.exitCode = exitCode
// Whatever a library still holds open must not keep a finished process alive.
setTimeout(() => process.exit(), EXIT_GRACE_MS).unref()
