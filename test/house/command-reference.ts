/** The commands of the CLI with their arguments and options, from how they are built. */
import type { Command } from 'commander'
import { buildCommands } from '../../control-plane/cli/commands.ts'

export function printCommandReference(): string {
  // Nothing is run: what surrounds a command is not looked at before that.
  const program = buildCommands({} as Parameters<typeof buildCommands>[0])
  return `${[heading, ...program.commands.flatMap((command) => sections(command, 'tidegate'))].join('\n\n')}\n`
}

function sections(command: Command, parent: string): string[] {
  const name = `${parent} ${command.name()}`
  if (command.commands.length > 0) return command.commands.flatMap((below) => sections(below, name))
  const words = command.registeredArguments.map((word) => (word.required ? ` <${word.name()}>` : ` [${word.name()}]`))
  const aliases = command.aliases().map((alias) => `\`${alias}\``)
  const also = aliases.length === 0 ? '' : ` Also: ${aliases.join(', ')}.`
  const rows = command.options.map(({ flags, description, mandatory }) =>
    `| \`${flags}\` | ${description}${mandatory ? ' (required)' : ''} |`.replaceAll(' || ', ' \\|\\| '),
  )
  const options = rows.length === 0 ? [] : ['', '| option | |', '|---|---|', ...rows]
  const sentence = command.description()
  return [
    [
      `## \`${name}${words.join('')}\``,
      '',
      `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}.${also}`,
      ...options,
    ].join('\n'),
  ]
}

const heading = `# Commands

Written by \`npm run generate\` from the commands themselves; do not edit.

Data goes to standard output, everything else to standard error. Exit codes: 0 ok, 1 failed, 2 usage or invalid input, 3 not found, 4 conflict or stale, 5 denied,
6 a gate refused, 7 timed out, 8 unreachable, 130 interrupted.`
