/** As the `fix` of a fault about a name: the nearest valid one, else all of them when they are few, else how many there are. */
export function nameFix(name: string, valid: readonly string[]): { fix: string } {
  const nearest = nearestName(name, valid)
  if (nearest !== undefined) return { fix: `did you mean "${nearest}"?` }
  const all = [...new Set(valid)]
  if (all.length === 0) return { fix: 'take it out' }
  return {
    fix: all.length > fewNames ? `choose one of the ${all.length} that there are` : `valid here: ${all.join(', ')}`,
  }
}

const fewNames = 12

/**
 * The candidate that a misspelt name most likely means, or undefined when none is near: one slip (a letter wrong,
 * missing, too many or swapped) per started four letters, letter case and punctuation not counted.
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = plain(name)
  if (wanted === '' || wanted.length > longestName) return undefined
  let nearest: string | undefined
  let least = Math.ceil(wanted.length / 4) + 1
  for (const candidate of candidates) {
    const offered = plain(candidate)
    if (offered.length > longestName || Math.abs(offered.length - wanted.length) >= least) continue
    const slips = distance(wanted, offered, least)
    if (slips < least) {
      least = slips
      nearest = candidate
    }
  }
  return nearest
}

/** Bounds the work of one comparison; longer texts are no misspelt names. */
const longestName = 64

function plain(name: string): string {
  return name.toLowerCase().replace(/[-_\s.]/g, '')
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours; `limit` when not below it. */
function distance(a: string, b: string, limit: number): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, at) => at)
  let leastOfLast = 0
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    let leastOfRow = i
    for (let j = 1; j <= b.length; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1)
      let cost = Math.min(cell(last, j) + 1, cell(row, j - 1) + 1, cell(last, j - 1) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, cell(beforeLast, j - 2) + 1)
      }
      if (cost < leastOfRow) leastOfRow = cost
      row.push(cost)
    }
    // Costs grow from row to row, and a swap reaches back over two.
    if (leastOfRow >= limit && leastOfLast >= limit) return limit
    leastOfLast = leastOfRow
    beforeLast = last
    last = row
  }
  return cell(last, b.length)
}

function cell(row: readonly number[], at: number): number {
  return row[at] as number
}
