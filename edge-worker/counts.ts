import type { EdgeCounts } from '#routes/messages.ts'

/** What this isolate did since it began, told on `status`. Soft: isolates are many, and gone at any time (edge trap E6). */
export type Counts = { -readonly [Name in keyof EdgeCounts]: number }

export function noCounts(): Counts {
  return { requests: 0, failovers: 0, failoversSpared: 0, shadows: 0, shadowsDropped: 0, forced: 0 }
}
