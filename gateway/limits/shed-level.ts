/** Which tiers are refused: 0 none · 1 copies nobody waits for · 2 tier 3 too · 3 tiers 2 and 3. Tier 1 is never shed. */
export type ShedLevel = 0 | 1 | 2 | 3

export interface Load {
  /** p99 of what the event loop was late by, ms, over the last 2 s. */
  readonly delayMs: number
  /** Requests under way in this process, and how many may be. */
  readonly inFlight: number
  readonly limit: number
}

/** Who is late with less than this under way is starved by its neighbours: to refuse would help nobody. */
const someWork = 16

/**
 * A process that is late answers everybody late, and then nobody: the least important leave first. Each level begins at
 * twice the delay of the one before, and ends only well below where it began, or it would flap with each sample.
 */
export function shedLevel({ delayMs, inFlight, limit }: Load, former: ShedLevel, aboveMs: number): ShedLevel {
  let level: ShedLevel = 0
  for (const next of [1, 2, 3] as const) {
    const easing = former >= next ? 0.7 : 1
    const late = inFlight >= someWork * easing && delayMs > (aboveMs / 2) * 2 ** (next - 1) * easing
    const full = inFlight > limit * (0.7 + 0.1 * (next - 1)) * easing
    if (late || full) level = next
  }
  return level
}

export function isShed(level: ShedLevel, tier: 1 | 2 | 3, shadow: boolean): boolean {
  if (shadow) return level >= 1
  return (tier === 3 && level >= 2) || (tier === 2 && level >= 3)
}
