/** The commands that README and docs tell people to type. Pure: texts in, faults out. */
import type { SourceFile } from './repository.ts'

/** A command of the CLI with its options (`-o`, `--output`) and what stands below it. */
export interface CommandTree {
  readonly names: readonly string[]
  readonly options: readonly string[]
  readonly below: readonly CommandTree[]
}

export interface Known {
  readonly scripts: readonly string[]
  readonly tidegate: CommandTree
  readonly proofs: readonly string[]
  readonly benches: readonly string[]
}

const ours = /^(?:npm (?:run |start|test)|npx tidegate |tidegate )/

/** The lines in code fences, without prompt and comment, and the code spans in sentences. */
export function commandsOf(text: string): string[] {
  const fences = Array.from(text.matchAll(/^ *```[^\n]*\n([\s\S]*?)^ *```/gm), ([, body = '']) =>
    body.split('\n'),
  ).flat()
  const spans = Array.from(text.matchAll(/(?<!`)`([^`\n]+)`(?!`)/g), ([, span = '']) => span)
  return [...fences, ...spans]
    .map((line) =>
      line
        .trim()
        .replace(/^\$ /, '')
        .replace(/\s+#.*$/, ''),
    )
    .filter((line) => ours.test(`${line} `))
}

export function commandFaults(files: readonly SourceFile[], known: Known): string[] {
  return files.flatMap(({ path, text }) =>
    commandsOf(text)
      .filter((line) => !isKnown(line.split(/\s+/), known))
      .map((line) => `${path}: ${line}`),
  )
}

function isKnown(words: readonly string[], known: Known): boolean {
  const [program, verb = '', script = ''] = words
  if (program === 'tidegate') return isCommand(words.slice(1), known.tidegate)
  if (program === 'npx') return isCommand(words.slice(2), known.tidegate)
  if (verb !== 'run') return known.scripts.includes(verb)
  const name = words[words.indexOf('--') + 1] ?? ''
  const named = words.includes('--') && !isPlace(name)
  if (script === 'prove' && named) return known.proofs.includes(name)
  if (script === 'bench' && named) return known.benches.includes(name)
  return known.scripts.includes(script)
}

/** `flip UNIT --to SITE`: each word goes one command down while it can; then only known options may follow. */
function isCommand(words: readonly string[], tree: CommandTree): boolean {
  const [word = '', ...rest] = words
  const next = tree.below.find(({ names }) => names.includes(word))
  if (next !== undefined) return isCommand(rest, next)
  // `tidegate edge --config FILE` is short for the program of the group.
  const program = tree.below.find(({ names }) => names.includes('run'))
  if (program !== undefined && word.startsWith('--')) return isCommand(words, program)
  // `tidegate token` speaks of the group.
  if (tree.below.length > 0) return isPlace(word) || (words.length === 0 && !tree.names.includes('tidegate'))
  const options = words.filter((each) => /^--?[a-z]/i.test(each)).map((each) => each.split('=', 1)[0] ?? '')
  return options.every((option) => tree.options.includes(option) || option === '--help')
}

/** `NAME`, `<name>`, `[args]`: something for the reader to fill in. */
const isPlace = (word: string): boolean => /^(?:[A-Z][A-Z-]*$|[<[{.])/.test(word)
