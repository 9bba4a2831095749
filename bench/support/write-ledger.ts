import { readFileSync } from 'node:fs'

/** One line of a sample service's log: something that it really executed. */
export interface Execution {
  readonly writeId?: string
  readonly method: string
  readonly site: string
  readonly at: number
}

export interface LedgerVerdict {
  readonly acknowledged: number
  readonly executed: number
  /** Acknowledged to the client, and executed nowhere. */
  readonly lost: readonly string[]
  /** Executed more than once, at one site or two. */
  readonly doubled: readonly string[]
  /** Executed at another site than the one whose answer the client has. */
  readonly elsewhere: readonly string[]
  /** Executed though the client was told that it failed: not wrong by itself, so only told. */
  readonly unacknowledged: number
}

/**
 * Compares what clients were told (the site of each acknowledged write id) with what services did. It knows only both
 * records: nothing of ours decides here.
 */
export function auditWrites(
  acknowledged: ReadonlyMap<string, string>,
  executions: readonly Execution[],
): LedgerVerdict {
  const sites = new Map<string, string[]>()
  for (const { writeId, site } of executions) {
    if (writeId === undefined) continue
    const known = sites.get(writeId)
    if (known === undefined) sites.set(writeId, [site])
    else known.push(site)
  }
  return {
    acknowledged: acknowledged.size,
    executed: [...sites.values()].reduce((sum, { length }) => sum + length, 0),
    lost: [...acknowledged.keys()].filter((id) => !sites.has(id)),
    doubled: [...sites].filter(([, at]) => at.length > 1).map(([id]) => id),
    elsewhere: [...acknowledged].filter(([id, site]) => sites.get(id)?.includes(site) === false).map(([id]) => id),
    unacknowledged: [...sites.keys()].filter((id) => !acknowledged.has(id)).length,
  }
}

/** Reads the sample services' logs, one JSON line an execution; a torn last line is not yet one. */
export function readExecutions(files: readonly string[]): Execution[] {
  return files.flatMap((file) => {
    const lines = readFileSync(file, 'utf8').split('\n')
    return lines.slice(0, -1).flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Execution] : []))
  })
}
