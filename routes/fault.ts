/** A place in a file that somebody wrote; line and column count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** One thing that is wrong in a file, with all that its author needs to mend it. */
export interface Fault extends Place {
  /** JSON pointer (RFC 6901) to the value, empty for the whole document. */
  readonly pointer: string
  /** The offending value as it is shown: quoted, cut, without credentials. */
  readonly value: string
  /** What is wrong, or what was expected. */
  readonly expected: string
  readonly fix?: string
  /** The other place of a conflict. */
  readonly also?: Place
}

/** A fault at a place; `value` as it is to be shown. */
export function faultAt(place: Place, pointer: string, told: Told): Fault {
  const { file, line, column } = place
  return { file, line, column, pointer, ...told }
}

/** What a fault says of its value. */
export type Told = Pick<Fault, 'value' | 'expected' | 'fix' | 'also'>

/** `services/orders.yaml:14:3 "time-out": unknown; did you mean "timeout"?` */
export function printFault(fault: Fault): string {
  const fix = fault.fix === undefined ? '' : `; ${fault.fix}`
  const also = fault.also === undefined ? '' : ` (the other: ${printPlace(fault.also)})`
  return `${printPlace(fault)} ${fault.value}: ${fault.expected}${fix}${also}`
}

export function printPlace(place: Place): string {
  return `${place.file}:${place.line}:${place.column}`
}

/** By file and position, so that the same input always tells the same story. */
export function inOrder<Item extends Place>(faults: readonly Item[]): Item[] {
  return faults.toSorted(
    (a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0) || a.line - b.line || a.column - b.column,
  )
}

const longestShown = 80

/** A value as faults show it, on one line. Credentials in a URL are taken out: faults go to logs and screens. */
export function shown(value: unknown): string {
  if (value === null || value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  if (typeof value !== 'string') return String(value)
  const safe = value.replace(/\/\/[^/@\s]*@/g, '//***@')
  return JSON.stringify(safe.length > longestShown ? `${safe.slice(0, longestShown)}...` : safe)
}

/** `a`, `a or b`, `a, b or c`. */
export function listed(words: readonly string[], last = 'or'): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`
}

/** A sentence as a part of a fault's one line. */
export function asClause(sentence: string): string {
  const open = sentence.replace(/\.$/, '')
  return /^[A-Z][a-z ]/.test(open) ? open.charAt(0).toLowerCase() + open.slice(1) : open
}

export function pointerTo(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`
}
