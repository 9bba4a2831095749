const days: readonly string[] = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const shortDays: ReadonlySet<string> = new Set(days.map((day) => day.slice(0, 3)))
const months: readonly string[] = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')
const daysOfMonth: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const dayMs = 86_400_000

/**
 * Unix ms of a date in one of the three forms of RFC 9110 section 5.6.7, letter by letter; undefined for all else. `nowMs`
 * tells the century of a two-digit year. Never `Date.parse`, which takes far more, and other things on other engines.
 */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  if (text.length === 29) return fixdate(text)
  if (text.length === 24) return asctime(text)
  // Wednesday is the longest: `Wednesday, 09-Nov-94 08:49:37 GMT`.
  return text.length >= 30 && text.length <= 33 ? rfc850(text, nowMs) : undefined
}

/** The form that we write, and everybody should. */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString()
}

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
function fixdate(text: string): number | undefined {
  if (!shortDays.has(text.slice(0, 3)) || !text.startsWith(', ', 3) || text[7] !== ' ' || text[11] !== ' ')
    return undefined
  if (!text.startsWith(' GMT', 25) || text[16] !== ' ') return undefined
  return moment(number(text, 12, 16), months.indexOf(text.slice(8, 11)), number(text, 5, 7), timeOfDay(text, 17))
}

/** `Sun Nov  6 08:49:37 1994` */
function asctime(text: string): number | undefined {
  if (!shortDays.has(text.slice(0, 3)) || text[3] !== ' ' || text[7] !== ' ') return undefined
  if (text[10] !== ' ' || text[19] !== ' ') return undefined
  const day = text[8] === ' ' ? number(text, 9, 10) : number(text, 8, 10)
  return moment(number(text, 20, 24), months.indexOf(text.slice(4, 7)), day, timeOfDay(text, 11))
}

/** `Sunday, 06-Nov-94 08:49:37 GMT` */
function rfc850(text: string, nowMs: number): number | undefined {
  const comma = text.indexOf(',')
  if (text.length !== comma + 24 || !days.includes(text.slice(0, comma)) || text[comma + 1] !== ' ') return undefined
  const rest = text.slice(comma + 2)
  if (rest[2] !== '-' || rest[6] !== '-' || rest[9] !== ' ' || !rest.endsWith(' GMT')) return undefined
  const short = number(rest, 7, 9)
  const month = months.indexOf(rest.slice(3, 6))
  const day = number(rest, 0, 2)
  const time = timeOfDay(rest, 10)
  if (short < 0) return undefined
  // More than 50 years ahead is the past century's; nobody writes dates so far back.
  const now = new Date(nowMs)
  const latest = new Date(nowMs).setUTCFullYear(now.getUTCFullYear() + 50)
  const latestYear = now.getUTCFullYear() + 50
  const year = latestYear - ((((latestYear - short) % 100) + 100) % 100)
  const said = moment(year, month, day, time)
  return said !== undefined && said > latest ? moment(year - 100, month, day, time) : said
}

/** Ms since midnight at `08:49:37`; -1 = no time. A leap second is the first of the next minute. */
function timeOfDay(text: string, at: number): number {
  if (text[at + 2] !== ':' || text[at + 5] !== ':') return -1
  const hour = number(text, at, at + 2)
  const minute = number(text, at + 3, at + 5)
  const second = number(text, at + 6, at + 8)
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return -1
  return ((hour * 60 + minute) * 60 + second) * 1000
}

/** Digits as a number; -1 if there is anything else. */
function number(text: string, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - 0x30
    if (!(digit >= 0 && digit <= 9)) return -1
    value = value * 10 + digit
  }
  return value
}

function moment(year: number, month: number, day: number, timeMs: number): number | undefined {
  if (year < 0 || month < 0 || timeMs < 0) return undefined
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const last = month === 1 && isLeap ? 29 : (daysOfMonth[month] as number)
  if (day < 1 || day > last) return undefined
  return daysSince1970(year, month, day) * dayMs + timeMs
}

/** Not `Date.UTC`, which takes the years 0 to 99 for 1900 to 1999. */
function daysSince1970(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month, day) / dayMs
}
