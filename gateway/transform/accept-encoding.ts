import { weightOf } from '#routes/weight.ts'

/** Codings that we write. */
export type Coding = 'br' | 'gzip' | 'zstd'

/**
 * The coding that a client likes best among `offered` (our order breaks ties), or undefined: as it is. A coding that is not
 * named takes the weight of `*`; an unreadable weight is none. RFC 9110 section 12.5.3.
 */
export function chooseCoding(accept: string, offered: readonly Coding[]): Coding | undefined {
  const weights = new Map<string, number>()
  for (const member of accept.toLowerCase().split(',')) {
    const [name = '', ...parameters] = member.split(';')
    const coding = name.trim()
    weights.set(coding === 'x-gzip' ? 'gzip' : coding, weightOf(parameters))
  }
  const others = weights.get('*') ?? 0
  let best: Coding | undefined
  let bestWeight = 0
  for (const coding of offered) {
    const weight = weights.get(coding) ?? others
    if (weight > bestWeight) {
      best = coding
      bestWeight = weight
    }
  }
  // Who would rather have it plain gets it plain.
  return bestWeight >= (weights.get('identity') ?? 0) ? best : undefined
}
