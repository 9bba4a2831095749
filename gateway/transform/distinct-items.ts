import { isMapping } from '#routes/json-schema-keywords.ts'
import type { Steps } from './linear-pattern.ts'

/**
 * Whether no two JSON values are equal, whatever the order of their members. By their texts, each written once: compared one
 * with the other, some thousands that a client sends would stop the process for seconds. False when no steps are left.
 */
export function areDistinct(items: readonly unknown[], steps: Steps): boolean {
  const seen = new Set<string>()
  for (const item of items) {
    const text = JSON.stringify(item, inOrder)
    steps.left -= stepsAChar * text.length
    if (steps.left < 0 || seen.has(text)) return false
    seen.add(text)
  }
  return true
}

/** What writing one character takes, in steps of an expression. */
const stepsAChar = 4

function inOrder(_: string, value: unknown): unknown {
  return isMapping(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value
}
