import { type Condition, compileCondition } from './condition.ts'
import { type Bound, compareVersions, readRange } from './version-range.ts'

/**
 * Whether one request may meet the conditions of both. False only where it is proven: two routes of which that is not so
 * would take the same requests with equal right.
 */
export function canBothHold(some: readonly Condition[], others: readonly Condition[]): boolean {
  return !some.some((one) => others.some((other) => one.from === other.from && exclude(one, other)))
}

/** Whether no version is in the range, nothing being older than 0. */
export function isEmptyRange(range: readonly Bound[]): boolean {
  const lows = [least, ...range.filter(({ sign }) => !sign.startsWith('<'))]
  const highs = range.filter(({ sign }) => !sign.startsWith('>'))
  return lows.some((low) => highs.some((high) => isAbove(low, high)))
}

const least: Bound = { sign: '>=', version: [0] }

/** Between two versions there is always another, since a version may have one more part. */
function isAbove(low: Bound, high: Bound): boolean {
  const order = compareVersions(low.version, high.version)
  return order > 0 || (order === 0 && (low.sign === '>' || high.sign === '<'))
}

function exclude(one: Condition, other: Condition): boolean {
  if (one.test === 'exists' || other.test === 'exists') return needsValue(one) !== needsValue(other)
  const texts = textsOf(one)
  if (texts !== undefined) return !texts.some((text) => accepts(other, text))
  if (textsOf(other) !== undefined) return exclude(other, one)
  if (one.test === 'prefix' && other.test === 'prefix')
    return !one.value.startsWith(other.value) && !other.value.startsWith(one.value)
  if (one.test !== 'version' || other.test !== 'version') return false
  return isEmptyRange([...(readRange(one.value) ?? []), ...(readRange(other.value) ?? [])])
}

function needsValue({ test, value }: Condition): boolean {
  return test !== 'exists' || value
}

/** All that may stand there, where it is told one by one. */
function textsOf({ test, value }: Condition): readonly string[] | undefined {
  return test === 'equals' ? [value] : test === 'oneOf' ? value : undefined
}

/** Asked of the country, which is the text itself. */
function accepts(condition: Condition, text: string): boolean {
  return compileCondition({ ...condition, from: 'country' })({ target: '', country: text, header: () => undefined })
}
