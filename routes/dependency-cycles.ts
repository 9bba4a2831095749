/**
 * The cycles of a graph, each once, as names in the order of dependency beginning with the smallest: `a -> b -> a` is
 * `['a', 'b']`. Of cycles that share a member one is told; the others show when it is mended.
 */
export function dependencyCycles(dependsOn: ReadonlyMap<string, readonly string[]>): string[][] {
  const left = new Map([...dependsOn].map(([name, names]) => [name, names.filter((each) => dependsOn.has(each))]))
  const cycles: string[][] = []
  for (;;) {
    dropLeaves(left)
    const start = [...left.keys()].toSorted()[0]
    if (start === undefined) return cycles
    const cycle = walk(start, left)
    cycles.push(cycle)
    for (const name of cycle) left.delete(name)
  }
}

/** Takes away whatever depends on nothing that is left, until each remaining member leads to a cycle. */
function dropLeaves(left: Map<string, string[]>): void {
  const callers = new Map<string, string[]>()
  const open = new Map<string, number>()
  for (const [name, names] of left) {
    const present = names.filter((each) => left.has(each))
    open.set(name, present.length)
    for (const each of present) {
      const known = callers.get(each)
      if (known === undefined) callers.set(each, [name])
      else known.push(name)
    }
  }
  const leaves = [...open].filter(([, count]) => count === 0).map(([name]) => name)
  for (let leaf = leaves.pop(); leaf !== undefined; leaf = leaves.pop()) {
    left.delete(leaf)
    for (const caller of callers.get(leaf) ?? []) {
      const count = (open.get(caller) ?? 0) - 1
      open.set(caller, count)
      if (count === 0) leaves.push(caller)
    }
  }
}

/** Follows first dependencies until a name comes again. */
function walk(start: string, left: ReadonlyMap<string, readonly string[]>): string[] {
  const seen: string[] = []
  let name = start
  while (!seen.includes(name)) {
    seen.push(name)
    name = left.get(name)?.find((each) => left.has(each)) ?? name
  }
  const cycle = seen.slice(seen.indexOf(name))
  const smallest = cycle.indexOf(cycle.toSorted()[0] as string)
  return [...cycle.slice(smallest), ...cycle.slice(0, smallest)]
}
