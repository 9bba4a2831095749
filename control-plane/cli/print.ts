/** Output that people read and scripts cut: plain aligned columns without boxes, or the API's own JSON. */
import { oneLine } from './terminal.ts'

export type Format = 'table' | 'json'

export interface Column<Row> {
  readonly head: string
  readonly of: (row: Row) => string | number | undefined
  /** Numbers stand at the right. */
  readonly right?: boolean
}

/** Rows in columns, two spaces apart, without spaces at the ends of lines; an absent value is `-`. */
export function table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const cells = rows.map((row) => columns.map(({ of }) => oneLine(String(of(row) ?? '-'))))
  const lines = [columns.map(({ head }) => head.toUpperCase()), ...cells]
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => widthOf(line[index] ?? ''))))
  return lines
    .map((line) =>
      line
        .map((cell, index) => {
          const gap = ' '.repeat((widths[index] ?? 0) - widthOf(cell))
          return columns[index]?.right ? gap + cell : cell + gap
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** Names and values, one a line, aligned. */
export function facts(pairs: Readonly<Record<string, string | number | undefined>>): string {
  const told = Object.entries(pairs).filter(([, value]) => value !== undefined)
  const width = Math.max(0, ...told.map(([name]) => name.length))
  return told.map(([name, value]) => `${name.padEnd(width)}  ${oneLine(String(value))}`).join('\n')
}

export const json = (value: unknown): string => JSON.stringify(value, undefined, 2)

/** `2,500` bp is `25 %`. */
export function percent(bp: number): string {
  return `${bp / 100} %`
}

export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? '' : 's'}`
}

/** UTC, and it says so: whoever reads it may sit anywhere. */
export function time(at: string | number): string {
  return `${new Date(at).toISOString().replace('T', ' ').slice(0, 19)}Z`
}

/** In characters as people count them; combined ones count once. */
function widthOf(text: string): number {
  return /^[\u0020-\u007e]*$/.test(text) ? text.length : [...new Intl.Segmenter().segment(text)].length
}
