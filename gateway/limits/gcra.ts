import type { Rate } from '#routes/policy.ts'

/** What a limit said of one request. */
export interface RateVerdict {
  readonly allowed: boolean
  /** Requests that could follow at once. */
  readonly remaining: number
  /** Until all of it is free again, ms. */
  readonly resetMs: number
  /** Until the next request is let through, ms; 0 = this one was. */
  readonly retryMs: number
}

/** A rate in the terms of the algorithm. */
export interface CompiledRate {
  /** One request's share of the window, ms. */
  readonly everyMs: number
  readonly burst: number
}

export function compileRate({ count, windowMs, burst = count }: Rate): CompiledRate {
  return { everyMs: windowMs / count, burst }
}

/**
 * The generic cell rate algorithm (ITU-T I.371): the whole state is the one instant at which everything taken so far would
 * be paid back, so a limit costs one number, has no window edge at which twice as much passes, and forgets by itself.
 * `paidAtMs` 0 = nothing was taken. Gives the verdict, and the new instant; unchanged when refused.
 */
export function takeOne(
  rate: CompiledRate,
  paidAtMs: number,
  nowMs: number,
): { readonly verdict: RateVerdict; readonly paidAtMs: number } {
  const { everyMs, burst } = rate
  const span = everyMs * burst
  const before = Math.max(paidAtMs, nowMs)
  const after = before + everyMs
  const retryMs = after - span - nowMs
  // Sums of fractions may miss by a rounding what is meant to be equal.
  if (retryMs > 1e-6)
    return { verdict: { allowed: false, remaining: 0, resetMs: before - nowMs, retryMs }, paidAtMs: before }
  const remaining = Math.floor((span - (after - nowMs)) / everyMs + 1e-9)
  return { verdict: { allowed: true, remaining, resetMs: after - nowMs, retryMs: 0 }, paidAtMs: after }
}
