import type { Random } from '#server-kit/random.ts'

const firstMs = 1_000
const mostMs = 300_000

/**
 * How long to wait after so many failures in a row (1 = the first): between half and all of 1 s, 2 s, 4 s, ... 5 min, so
 * that control planes which failed together do not come back together; never less than the server asked for.
 */
export function backoffMs(failures: number, askedMs: number | undefined, random: Random): number {
  const whole = Math.min(firstMs * 2 ** (failures - 1), mostMs)
  return Math.max(Math.round(whole * (0.5 + random.next() / 2)), askedMs ?? 0)
}
