import type { Condition } from './condition.ts'
import { listOf, type Reader } from './object-of.ts'
import { array, flag, record } from './shape.ts'
import { readRange } from './version-range.ts'

/** The catalog allows fewer; beyond, a document is no table of ours. */
const mostConditions = 64
const mostChoices = 256
const mostChars = 512

/** The conditions of a route, or undefined for what the encoder would not have written. */
export function readConditions(value: unknown): readonly Condition[] | undefined {
  const when = array(value, readCondition)
  return when?.length && when.length <= mostConditions ? when : undefined
}

function readCondition(given: unknown): Condition | undefined {
  const { from, test, value: said } = record(given) ?? {}
  const value = valueReaders.get(test)?.(said)
  // Each reader of a value gives what its test has.
  return typeof from === 'string' && sourceForm.test(from) && value !== undefined
    ? ({ from, test, value } as Condition)
    : undefined
}

const sourceForm = /^(?:country|(?:header|cookie|query):.{1,256})$/s

const plain: Reader<string> = (value) => (typeof value === 'string' && value.length <= mostChars ? value : undefined)

const few = listOf(plain)

const valueReaders = new Map<unknown, Reader<Condition['value']>>([
  ['exists', flag],
  ['equals', plain],
  ['prefix', plain],
  ['oneOf', (value) => (few(value)?.[mostChoices] === undefined ? few(value) : undefined)],
  ['version', (value) => (readRange(plain(value) ?? '') === undefined ? undefined : plain(value))],
])
