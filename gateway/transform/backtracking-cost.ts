/** Steps that a backtracking engine may take on a text of n characters: `factor` times n to the `exponent`. */
export interface BacktrackingCost {
  readonly exponent: number
  readonly factor: number
}

/**
 * An upper bound for an expression without repeated groups; undefined with one, since then nothing bounds it. Each quantifier
 * that may take more or less is one loop inside the others, each `|` one more way; what looks around is done with when it
 * has found its match.
 */
export function backtrackingCost(source: string): BacktrackingCost | undefined {
  const plain = source.replace(/\\./gs, 'e').replace(/\[[^\]]*\]/g, 'c')
  if (/\)(?:[*+]|\{)/.test(plain)) return undefined
  const around = /\(\?<?[=!]([^()]*)\)/g
  let loops = loopsOf(plain.replace(around, ''))
  for (const [, inside = ''] of plain.matchAll(around)) loops = Math.max(loops, loopsOf(inside))
  const bars = plain.split('|').length - 1
  return { exponent: Math.max(1, loops + (plain.startsWith('^') && bars === 0 ? 0 : 1)), factor: 2 ** bars }
}

/** `{3}` takes what it takes. `(?:` and `*?` have a question mark that is no quantifier. */
function loopsOf(plain: string): number {
  return (
    plain
      .replaceAll('(?', '')
      .replace(/\{\d+\}/g, '')
      .match(/[*+}]\??|\?/g)?.length ?? 0
  )
}
