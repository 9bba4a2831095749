import { basename } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, it } from 'vitest'
import { buildCommands } from '../../control-plane/cli/commands.ts'
import { type CommandTree, commandFaults, commandsOf, type Known } from './commands.ts'
import { readText, repositoryFiles } from './repository.ts'

const names = (pattern: RegExp): string[] => repositoryFiles(pattern).map(({ path }) => basename(path, '.ts'))

/** The CLI's commands as they are built, without running one. */
function treeOf(command: Command): CommandTree {
  const options = command.options
    .flatMap(({ short, long }) => [short, long])
    .filter((option) => typeof option === 'string')
  return { names: [command.name(), ...command.aliases()], options, below: command.commands.map(treeOf) }
}

const known: Known = {
  scripts: Object.keys(JSON.parse(readText('package.json')).scripts),
  tidegate: treeOf(buildCommands({} as Parameters<typeof buildCommands>[0])),
  proofs: names(/^bench\/proofs\/[^/]+\.ts$/),
  benches: names(/^bench\/system\/[^/]+\.ts$/),
}

describe('commands in README and docs', () => {
  it('exist, with the options that they are shown with', () => {
    const pages = repositoryFiles(/\.md$/)

    expect(pages.flatMap(({ text }) => commandsOf(text)).length).toBeGreaterThan(5)
    expect(commandFaults(pages, known)).toEqual([])
  })

  it('are noticed when they do not', () => {
    const wrong = [
      'npm run nothing',
      'npx tidegate conjure',
      'npx tidegate flip orders --by magic',
      'npx tidegate token conjure',
      'npm run prove -- nothing',
    ]
    const right = [
      'npm test',
      'npx tidegate flip UNIT --to SITE --reason "x"',
      'npm run prove -- NAME',
      'npx tidegate token create me',
    ]
    const text = `\`\`\`sh\n${[...wrong, ...right].join('\n')}\n\`\`\`\nnpm run outside-a-fence, \`npm run in-a-span\`\n`

    expect(commandFaults([{ path: 'planted.md', text }], known)).toEqual(
      [...wrong, 'npm run in-a-span'].map((command) => `planted.md: ${command}`),
    )
  })
})
