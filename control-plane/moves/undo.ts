import { type Placement, sameShadow, sameSplit } from '#routes/placement.ts'

/** A change that an operator made, and may want to have back. */
export type UndoableHow = 'flip' | 'rollback' | 'shadow' | 'failover'

/**
 * The command that takes a change back. A flip is rolled back; a rollback is undone by flipping to what was before, and a
 * change of copies or failover by asking for those that there were.
 */
export function undoOf(how: UndoableHow, before: Placement, after: Placement): string {
  if (how === 'flip') return `tidegate rollback ${before.unit}`
  if (how === 'shadow') return toShadow(before)
  if (how === 'failover') return toFailover(before)
  // The flip to where copies and failover go ends them by itself.
  const ended = (to: string | undefined) => to === before.owner
  const shadow = ended(after.shadow?.to) ? undefined : after.shadow
  const failover = ended(after.failover?.to) ? undefined : after.failover
  const commands = [
    ...(sameSplit(before, after) ? [] : [toSplit(before)]),
    ...(sameShadow(before.shadow, shadow) ? [] : [toShadow(before)]),
    ...(before.failover?.to === failover?.to ? [] : [toFailover(before)]),
  ]
  return commands.length === 0 ? toSplit(before) : commands.join(' && ')
}

function toSplit({ unit, owner, moving }: Placement): string {
  const split = moving === undefined ? `--to ${owner}` : `--to ${moving.to} --percent ${moving.reads / 100}`
  return `tidegate flip ${unit} ${split} ${reason}`
}

function toShadow({ unit, shadow }: Placement): string {
  if (shadow === undefined) return `tidegate shadow ${unit} --off ${reason}`
  const { to, sample, maxInFlight, at } = shadow
  const who = at === undefined ? '' : `--at ${at} `
  return `tidegate shadow ${unit} --to ${to} --percent ${sample / 100} --max-in-flight ${maxInFlight} ${who}${reason}`
}

function toFailover({ unit, failover }: Placement): string {
  return `tidegate failover ${unit} ${failover === undefined ? '--off' : `--to ${failover.to}`} ${reason}`
}

const reason = '--reason "after all"'
