import type { FieldWanted, Lines } from './case.ts'

/** A field as it stood on a line. */
export interface Field {
  readonly name: string
  readonly value: string
}

export function readField(line: string): Field {
  const colon = line.indexOf(':')
  return { name: line.slice(0, colon), value: line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, '') }
}

export function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter((field) => field.name.toLowerCase() === name).map(({ value }) => value)
}

/** What is wrong with a field; undefined = nothing. */
export function fieldFault(fields: readonly Field[], name: string, wanted: FieldWanted): string | undefined {
  const values = valuesOf(fields, name)
  const joined = values.join(', ')
  if (isRight(values, joined, wanted)) return undefined
  const seen = values.length === 0 ? 'absent' : JSON.stringify(values.length === 1 ? joined : values)
  return `${name} is ${seen} and not ${described(wanted)}`
}

function isRight(values: readonly string[], joined: string, wanted: FieldWanted): boolean {
  if (wanted === null) return values.length === 0
  if (typeof wanted === 'string') return values.length > 0 && joined === wanted
  if (wanted instanceof RegExp) return values.length > 0 && wanted.test(joined)
  if ('not' in wanted) return !wanted.not.test(joined)
  return values.length === wanted.length && values.every((value, at) => value === wanted[at])
}

function described(wanted: FieldWanted): string {
  if (wanted === null) return 'absent'
  if (wanted instanceof RegExp) return String(wanted)
  return typeof wanted === 'object' && 'not' in wanted ? `other than ${wanted.not}` : JSON.stringify(wanted)
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Lines with their dates and addresses in place. */
export function written(lines: Lines, nowMs: number, address: { path: string; url: string }): string[] {
  return lines.map((line) =>
    line
      .replaceAll('{path}', address.path)
      .replaceAll('{url}', address.url)
      .replace(/\{(now|rfc850|asctime)([+-]\d+)?\}/g, (_, form: string, seconds = '0') =>
        dateText(form, new Date(nowMs + Number(seconds) * 1000)),
      ),
  )
}

function dateText(form: string, at: Date): string {
  if (form === 'now') return at.toUTCString()
  const two = (value: number) => String(value).padStart(2, '0')
  const day = days[at.getUTCDay()] ?? ''
  const month = months[at.getUTCMonth()]
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`
  const date = at.getUTCDate()
  if (form === 'rfc850') return `${day}, ${two(date)}-${month}-${two(at.getUTCFullYear() % 100)} ${time} GMT`
  return `${day.slice(0, 3)} ${month} ${String(date).padStart(2, ' ')} ${time} ${at.getUTCFullYear()}`
}
