import { noExpiry } from '../store/cache-store.ts'

/** Above it a time to live is a date, in seconds: 30 days. */
const relativeLimitS = 30 * 24 * 3600

/** Rule P3. Milliseconds to live, -1 for none; 'over': it has expired before it began. */
export function readExpiry(seconds: number, nowMs: number): number | 'over' {
  if (seconds === 0) return noExpiry
  if (seconds < 0) return 'over'
  if (seconds <= relativeLimitS) return seconds * 1000
  const leftMs = seconds * 1000 - nowMs
  return leftMs > 0 ? leftMs : 'over'
}
