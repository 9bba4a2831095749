import { type Placement, sameShadow, sameSplit } from '#routes/placement.ts'

/**
 * The command that takes a change back. A flip is rolled back; a rollback is undone by flipping to what was before, and a
 * change of copies by asking for those that there were.
 */
export function undoOf(how: 'flip' | 'rollback' | 'shadow', before: Placement, after: Placement): string {
  if (how === 'flip') return `tidegate rollback ${before.unit}`
  if (how === 'shadow') return toShadow(before)
  // The flip to where copies go ends them by itself.
  const left = after.shadow?.to === before.owner ? undefined : after.shadow
  if (sameShadow(before.shadow, left)) return toSplit(before)
  return sameSplit(before, after) ? toShadow(before) : `${toSplit(before)} && ${toShadow(before)}`
}

function toSplit({ unit, owner, moving }: Placement): string {
  const split = moving === undefined ? `--to ${owner}` : `--to ${moving.to} --percent ${moving.reads / 100}`
  return `tidegate flip ${unit} ${split} ${reason}`
}

function toShadow({ unit, shadow }: Placement): string {
  if (shadow === undefined) return `tidegate shadow ${unit} --off ${reason}`
  const { to, sample, maxInFlight } = shadow
  return `tidegate shadow ${unit} --to ${to} --percent ${sample / 100} --max-in-flight ${maxInFlight} ${reason}`
}

const reason = '--reason "after all"'
