import type { BlackoutResult, StepResult } from './blackout.ts'
import type { Seen } from './load.ts'

/** What reads may take more than through an undisturbed edge: the larger of the two. */
export interface Allowed {
  readonly share: number
  readonly ms: number
}

const sliceMs = 250
const adoptedLimitMs = 1_500

export function failed({ status }: Seen): boolean {
  return status !== 200
}

export function percentileMs(seen: readonly Seen[], share: number): number {
  return percentile(
    seen.map(({ ms }) => ms),
    share,
  )
}

/**
 * By so much reads were slower than those through the undisturbed edge in the same quarter of a second, at the median of
 * all quarters: what else the machine does hits both alike, and is gone in the next.
 */
export function addedMs({ due, calm }: StepResult): number {
  const slice = ({ sentAt }: Seen) => Math.floor(sentAt / sliceMs)
  const [own, theirs] = [Map.groupBy(due, slice), Map.groupBy(calm, slice)]
  const added = [...own].map(([at, seen]) => {
    const undisturbed = theirs.get(at)
    return undisturbed === undefined ? [] : [percentileMs(seen, 0.5) - percentileMs(undisturbed, 0.5)]
  })
  return percentile(added.flat(), 0.5)
}

export function isSlower(step: StepResult, allowed: Allowed): boolean {
  return addedMs(step) > Math.max(allowed.share * percentileMs(step.calm, 0.5), allowed.ms)
}

/** What the claim does not allow; none = it holds. */
export function faults({ host, steps, adoptedMs }: BlackoutResult, allowed: Allowed): string[] {
  const found = steps.flatMap((step) => {
    const lost = step.due.filter(failed)
    const other = step.numbers.find((number) => number !== steps[0]?.numbers[0])
    return [
      ...(lost.length > 0 ? [`${lost.length} failed, the first of ${lost[0]?.unit} with ${lost[0]?.status}`] : []),
      ...(other === undefined ? [] : [`an isolate held table ${other}`]),
      ...(isSlower(step, allowed) ? [`${addedMs(step).toFixed(2)} ms slower than an undisturbed edge`] : []),
    ].map((fault) => `${host}, ${step.name}: ${fault}`)
  })
  if (adoptedMs > adoptedLimitMs) found.push(`${host}: the next table took ${Math.round(adoptedMs)} ms`)
  return found
}

function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0
}
