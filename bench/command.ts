import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'

export interface BenchOptions {
  /** The full form; without it a proof or bench ends within five minutes. */
  readonly long: boolean
  /** The same seed gives the same inputs. */
  readonly seed: number
  /** How many cases, where a proof counts in cases; absent: its own number. */
  readonly cases?: number
  /** What stands behind the name and is none of the above. */
  readonly args: string[]
}

export interface BenchCommand {
  readonly name: string | undefined
  readonly names: readonly string[]
  readonly options: BenchOptions
}

/** `NAME [--long] [--seed N] [--cases N] [more]`, with the names that the folder offers. */
export function readCommand(folder: URL, line: readonly string[]): BenchCommand {
  const names = readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .map((file) => file.slice(0, -'.ts'.length))
    .sort()
  const { values, positionals } = parseArgs({
    args: [...line],
    allowPositionals: true,
    options: {
      long: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      cases: { type: 'string' },
    },
  })
  const [name, ...args] = positionals
  const cases = Number.parseInt(values.cases ?? '', 10)
  const options = { long: values.long, seed: Number.parseInt(values.seed, 10) || 1, args }
  return { name, names, options: cases > 0 ? { ...options, cases } : options }
}
