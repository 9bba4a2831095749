import type { RateVerdict } from './gcra.ts'

export interface Period {
  /** `2026-11-21` or `2026-11`: part of the counter's key, so that a new period begins at nothing. */
  readonly name: string
  /** Until the next one begins, ms. */
  readonly leftMs: number
}

/** The calendar day or month of an instant, in UTC: one that all sites agree on. */
export function periodOf(per: 'day' | 'month', nowMs: number): Period {
  const now = new Date(nowMs)
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()]
  const next = per === 'day' ? Date.UTC(year, month, day + 1) : Date.UTC(year, month + 1, 1)
  return { name: now.toISOString().slice(0, per === 'day' ? 10 : 7), leftMs: next - nowMs }
}

/** `used`: what the period had before this request. */
export function spendOne(count: number, used: number, leftMs: number): RateVerdict {
  return used < count
    ? { allowed: true, remaining: count - used - 1, resetMs: leftMs, retryMs: 0 }
    : { allowed: false, remaining: 0, resetMs: leftMs, retryMs: leftMs }
}
