import type { EdgeMarkCounts, TrafficRow } from '#routes/messages.ts'
import type { Clock } from '#server-kit/clock.ts'

/** Requests that gateways executed, and how many of them went wrong. */
export interface EdgeSums {
  readonly requests: number
  /** Answered 5xx. */
  readonly failed: number
  /** Marked requests whose edge held another structure, or chose another route under the same one. */
  readonly marked: number
  readonly skewed: number
}

/** Worse than before, not worse, or too few requests to say. */
export type Verdict = 'worse' | 'equal' | 'not-enough'

const bucketMs = 10_000
/** An hour. */
const bucketLimit = 360

/**
 * Sums of all gateways' reports, 10 s by 10 s. Reports do not say which version of the script sent a request: a version
 * at 5 % that fails shows as 5 % more failures of the whole. Kept in memory: after a restart there is nothing to compare
 * with, the verdict is `not-enough`, and a step takes longer.
 */
export class EdgeEvidence {
  readonly #clock: Clock
  readonly #buckets = new Map<number, EdgeSums>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  note(rows: readonly TrafficRow[], marks: EdgeMarkCounts | undefined): void {
    const at = bucketOf(this.#clock.now())
    let requests = 0
    let failed = 0
    for (const row of rows) {
      requests += row.reads + row.writes
      failed += row.failed
    }
    const skewed = (marks?.skewed ?? 0) + (marks?.mismatched ?? 0)
    const noted = { requests, failed, marked: marks?.requests ?? 0, skewed }
    this.#buckets.set(at, plus(this.#buckets.get(at) ?? none, noted))
    if (this.#buckets.size > bucketLimit) this.#buckets.delete(Math.min(...this.#buckets.keys()))
  }

  /** Of whole buckets from `from` on and before `until`, ms since 1970. */
  between(from: number, until: number): EdgeSums {
    return [...this.#buckets]
      .filter(([at]) => at >= from && at + bucketMs <= until)
      .reduce((sums, [, bucket]) => plus(sums, bucket), none)
  }
}

const least = 200
/** So many standard errors: looked at every few seconds of a step, chance alone gets there in less than 1 of 500 steps. */
const deviations = 4
/** Below it nobody would notice. */
const leastRise = 0.001

/** Whether more of the requests fail, or are skewed, than before. */
export function verdictOf(before: EdgeSums, since: EdgeSums): Verdict {
  const failures = compare(before.failed, before.requests, since.failed, since.requests)
  const skews = compare(before.skewed, before.marked, since.skewed, since.marked)
  if (failures === 'worse' || skews === 'worse') return 'worse'
  // Marks are not told by every gateway; failures are.
  return failures
}

/** One-sided test of two shares, pooled. */
function compare(badBefore: number, before: number, badSince: number, since: number): Verdict {
  if (before < least || since < least) return 'not-enough'
  const rise = badSince / since - badBefore / before
  const pooled = (badBefore + badSince) / (before + since)
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / before + 1 / since))
  return rise > leastRise && rise > deviations * error ? 'worse' : 'equal'
}

const none: EdgeSums = { requests: 0, failed: 0, marked: 0, skewed: 0 }

function plus(a: EdgeSums, b: EdgeSums): EdgeSums {
  return {
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    marked: a.marked + b.marked,
    skewed: a.skewed + b.skewed,
  }
}

function bucketOf(now: number): number {
  return Math.floor(now / bucketMs) * bucketMs
}
