import { deltaSeconds } from './delta-seconds.ts'
import type { FetchTimes } from './entry.ts'
import { type Fields, firstLine, trimmed } from './fields.ts'
import { dateMs } from './moments.ts'

/** How old an answer was when it came, seconds. RFC 9111 section 4.2.3. */
export function initialAgeS(fields: Fields, times: FetchTimes): number {
  // Date has no parts of a second, so neither has what is derived from it: else what was made just now is up to 1 s old.
  const apparentS = Math.max(0, Math.floor((times.responseMs - dateMs(fields, times)) / 1000))
  const delayS = Math.max(0, times.responseMs - times.requestMs) / 1000
  return Math.max(apparentS, statedAgeS(fields) + delayS)
}

/** The first member of the first line, if it is a number: the nearest cache wrote it (A1). */
function statedAgeS(fields: Fields): number {
  const line = firstLine(fields, 'age')
  if (line === undefined) return 0
  const comma = line.indexOf(',')
  return deltaSeconds(trimmed(comma < 0 ? line : line.slice(0, comma))) ?? 0
}
