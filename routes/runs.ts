import { count } from './shape.ts'

/** `[name, count, name, count]`: neighbours in the order of patterns mostly are of one service. */
export function runsOf(names: readonly string[]): (string | number)[] {
  const runs: (string | number)[] = []
  for (const name of names) {
    if (runs.at(-2) === name) runs[runs.length - 1] = (runs.at(-1) as number) + 1
    else runs.push(name, 1)
  }
  return runs
}

/** One part of a run as it was read from JSON. */
export function runPart(value: unknown): string | number | undefined {
  return typeof value === 'string' ? value : count(value)
}

/** Undefined when the parts do not pair or name more than `most` in all: checked before anything is made. */
export function unfoldRuns(runs: readonly (string | number)[] | undefined, most: number): string[] | undefined {
  if (runs === undefined) return undefined
  const names: string[] = []
  for (let at = 0; at < runs.length; at += 2) {
    const [name, times] = [runs[at], runs[at + 1]]
    if (typeof name !== 'string' || typeof times !== 'number' || names.length + times > most) return undefined
    for (let added = 0; added < times; added++) names.push(name)
  }
  return names
}
