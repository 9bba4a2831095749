import type { FetchTimes } from './entry.ts'
import { type Fields, firstLine, trimmed } from './fields.ts'
import { parseHttpDate } from './http-date.ts'

/** Date, or when it came if there is none that can be read. */
export function dateMs(fields: Fields, times: FetchTimes): number {
  const line = firstLine(fields, 'date')
  return (line === undefined ? undefined : parseHttpDate(trimmed(line), times.responseMs)) ?? times.responseMs
}

/** Undefined without one that can be read. */
export function lastModifiedMs(fields: Fields, times: FetchTimes): number | undefined {
  const line = firstLine(fields, 'last-modified')
  return line === undefined ? undefined : parseHttpDate(trimmed(line), times.responseMs)
}
