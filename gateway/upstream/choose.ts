import { murmur3 } from '#routes/bucket.ts'
import type { Random } from '#server-kit/random.ts'

/** What choosing needs to know of an endpoint. */
export interface Candidate {
  readonly inFlight: number
  /** Healthy, and not ejected. */
  open(nowMs: number): boolean
  /** Share of the load that it is worth: 1, less while it starts. */
  weight(nowMs: number): number
  /** Its place among others when requests are spread by key. */
  readonly seed: number
}

/** Fewer than `panicPercent` of them are open: then who is out tells more of the measure than of them, and all are used. */
export function panics(candidates: readonly Candidate[], panicPercent: number, nowMs: number): boolean {
  let open = 0
  for (const candidate of candidates) if (candidate.open(nowMs)) open++
  return open * 100 < panicPercent * candidates.length
}

/**
 * The less loaded of two that are drawn: close to the best of all, and without the herd that always taking the best one
 * makes of many gateways. Never `tried`; undefined: there is no other. `all`: health is ignored.
 */
export function leastOfTwo<C extends Candidate>(
  candidates: readonly C[],
  tried: C | undefined,
  all: boolean,
  nowMs: number,
  random: Random,
): C | undefined {
  let count = 0
  for (const candidate of candidates) if (fits(candidate, tried, all, nowMs)) count++
  if (count === 0) return undefined
  const first = Math.floor(random.next() * count)
  const a = nth(candidates, first, tried, all, nowMs)
  if (count === 1) return a
  const other = Math.floor(random.next() * (count - 1))
  const b = nth(candidates, other < first ? other : other + 1, tried, all, nowMs)
  return a !== undefined && b !== undefined && load(b, nowMs) < load(a, nowMs) ? b : (a ?? b)
}

/**
 * The one with the highest hash of key and endpoint (rendezvous): the same key has the same endpoint as long as that one
 * is open, and one that goes or comes moves its own share alone.
 */
export function byKey<C extends Candidate>(
  candidates: readonly C[],
  key: string,
  tried: C | undefined,
  all: boolean,
  nowMs: number,
): C | undefined {
  const bytes = utf8.encode(key)
  let best: C | undefined
  let highest = -1
  for (const candidate of candidates) {
    if (!fits(candidate, tried, all, nowMs)) continue
    const hash = murmur3(bytes, candidate.seed)
    if (hash > highest) {
      highest = hash
      best = candidate
    }
  }
  return best
}

function fits<C extends Candidate>(candidate: C, tried: C | undefined, all: boolean, nowMs: number): boolean {
  return candidate !== tried && (all || candidate.open(nowMs))
}

function nth<C extends Candidate>(
  candidates: readonly C[],
  rank: number,
  tried: C | undefined,
  all: boolean,
  nowMs: number,
): C | undefined {
  let seen = 0
  for (const candidate of candidates) if (fits(candidate, tried, all, nowMs) && seen++ === rank) return candidate
  return undefined
}

/** One more than is under way, so that of two idle ones the heavier is taken. */
function load(candidate: Candidate, nowMs: number): number {
  return (candidate.inFlight + 1) / candidate.weight(nowMs)
}

const utf8 = new TextEncoder()
