import type { Placement } from '#routes/placement.ts'

/** The command that takes a change back. A flip is rolled back; a rollback is undone by flipping to what was before. */
export function undoOf(how: 'flip' | 'rollback', before: Placement): string {
  const { unit, owner, moving } = before
  if (how === 'flip') return `tidegate rollback ${unit}`
  const split = moving === undefined ? `--to ${owner}` : `--to ${moving.to} --percent ${moving.reads / 100}`
  return `tidegate flip ${unit} ${split} --reason "after all"`
}
