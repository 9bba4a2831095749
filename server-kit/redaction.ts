/** Takes secrets out of facts on their way to the log, however deep and in whatever letters their names are written. */
import { pino } from 'pino'

const hidden = '[redacted]'
const depthLimit = 6
const itemLimit = 1000

/** Names as they stand in headers, configuration and our own facts; every `x-tidegate-` header may carry a MAC. */
const sensitive =
  /^(?:(?:proxy-)?authorization|cookie|set-cookie|x-api-key|x-tidegate-.+|.*(?:token|secret|password|privatekey|private-key))$/i

/** Answers kept, since the same few names stand in every line; the limit is for names that clients make up. */
const answers = new Map<string, boolean>()
const answerLimit = 2000

/** A copy of `facts` without secrets, with errors as plain facts; the same object when there is nothing to change. */
export function redact(facts: Record<string, unknown>): Record<string, unknown> {
  return walk(facts, 0) as Record<string, unknown>
}

function walk(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth === depthLimit) return '[deeper]'
  if (value instanceof Error) return walk(pino.stdSerializers.errWithCause(value), depth)
  if (Array.isArray(value)) return walkItems(value, depth)
  if (!isPlain(value)) return value
  return walkEntries(value, depth)
}

function walkEntries(facts: Record<string, unknown>, depth: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined
  for (const name in facts) {
    const before = facts[name]
    const after = isSensitive(name) && before !== undefined ? hidden : walk(before, depth + 1)
    if (after === before) continue
    copy ??= { ...facts }
    copy[name] = after
  }
  return copy ?? facts
}

function isSensitive(name: string): boolean {
  const known = answers.get(name)
  if (known !== undefined) return known
  const answer = sensitive.test(name)
  if (answers.size < answerLimit) answers.set(name, answer)
  return answer
}

/** Raw header pairs are flat lists: the item after a sensitive name is its value. */
function walkItems(items: readonly unknown[], depth: number): readonly unknown[] {
  return items.slice(0, itemLimit).map((item, index) => {
    const name = items[index - 1]
    const isValue = typeof item === 'string' && typeof name === 'string' && isSensitive(name)
    return isValue ? hidden : walk(item, depth + 1)
  })
}

/** Class instances (streams, sockets, dates) write themselves as JSON; copying them key by key would break that. */
function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || isSerializedError(value)
}

/** What pino makes of an error has a prototype of its own. */
function isSerializedError(value: object): boolean {
  return 'type' in value && 'message' in value && 'stack' in value
}
