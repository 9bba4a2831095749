/** The `tidegate` command. Only what the typed command needs is loaded: each of them is imported when it is run. */
import { enableCompileCache } from 'node:module'
import { CommanderError } from 'commander'
import { buildCommands } from './commands.ts'
import { exitCodeOf, exitCodes } from './exit-codes.ts'
import { printFailure } from './failure.ts'
import { terminalSafe } from './terminal.ts'

enableCompileCache()

const argv = process.argv.slice(2)
// A reader that has seen enough (`| head`) is no failure of ours.
process.stdout.on('error', (cause: NodeJS.ErrnoException) => process.exit(cause.code === 'EPIPE' ? 0 : 1))

try {
  await buildCommands({
    env: process.env,
    folder: process.cwd(),
    out: (text) => process.stdout.write(`${terminalSafe(text)}\n`),
    tell: (text) => process.stderr.write(`${terminalSafe(text)}\n`),
  }).parseAsync(argv, { from: 'user' })
} catch (cause) {
  if (cause instanceof CommanderError) {
    // Help and version, which commander has printed; help that nobody asked for is a usage error.
    process.exitCode = cause.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  } else {
    process.stderr.write(`${terminalSafe(printFailure(cause, wantsJson(argv)))}\n`)
    process.exitCode = exitCodeOf(cause)
  }
}

/** Before or after parsing has failed: a script that reads JSON gets its failures as JSON. */
function wantsJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) =>
      word === '-ojson' ||
      word === '--output=json' ||
      (word === 'json' && /^(-o|--output)$/.test(argv[index - 1] ?? '')),
  )
}
