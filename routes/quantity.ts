/** Quantities carry their unit in YAML (`30s`, `8MiB`, `400rps`) and are plain numbers inside (ms, bytes, per second). */

/** A timer of Node above 24.8 days fires at once; nothing that is waited for takes a day. */
export const longestWaitMs = 86_400_000

/** What a schema says of a quantity: spread it into `Type.String({ ...durationText, default: '5s' })`. */
export interface QuantityText {
  readonly pattern: string
  /** Read by editors and by our own faults. */
  readonly patternErrorMessage: string
}

const durationUnits: Units = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 }
const binarySizes: Units = { GiB: 1024 ** 3, MiB: 1024 ** 2, KiB: 1024 }
const decimalSizes: Units = { GB: 1000 ** 3, MB: 1000 ** 2, kB: 1000 }
const sizeUnits: Units = { ...binarySizes, ...decimalSizes, B: 1 }

/** At most 8 digits: a hundred million days are still an exact number of milliseconds. */
export const durationText: QuantityText = {
  pattern: '^(0|[1-9][0-9]{0,7})(ms|s|m|h|d)$',
  patternErrorMessage: 'expected a duration, a whole number and its unit (ms, s, m, h, d), such as 30s',
}

/** A duration above 0: what is waited for needs some time. */
export const waitText: QuantityText = {
  pattern: '^[1-9][0-9]{0,7}(ms|s|m|h|d)$',
  patternErrorMessage: 'expected a duration above 0, a whole number and its unit (ms, s, m, h, d), such as 30s',
}

/** GB and GiB with 6 digits at most, so that each size is an exact number of bytes. */
export const sizeText: QuantityText = {
  pattern: '^((0|[1-9][0-9]{0,8})(B|kB|KiB|MB|MiB)|(0|[1-9][0-9]{0,5})(GB|GiB))$',
  patternErrorMessage: 'expected a size, a whole number and its unit (B, kB, KiB, MB, MiB, GB, GiB), such as 8MiB',
}

export const rateText: QuantityText = {
  pattern: '^[1-9][0-9]{0,8}rps$',
  patternErrorMessage: 'expected a rate above 0 in requests a second (rps), such as 400rps',
}

/** How often within a time: `100/1m`, and how many of these at once. */
export const burstText: QuantityText = {
  pattern: '^[1-9][0-9]{0,8}/[1-9][0-9]{0,7}(ms|s|m|h)( burst [1-9][0-9]{0,8})?$',
  patternErrorMessage: 'expected how many in what time, such as "100/1m" or "100/1m burst 20"',
}

export const quotaText: QuantityText = {
  pattern: '^[1-9][0-9]{0,11}/(day|month)$',
  patternErrorMessage: 'expected how many in a day or month, such as "10000/day"',
}

/** `250ms`, `5s`, `2m`, `1h`, `1d` as milliseconds; undefined = not a duration. */
export function parseDuration(text: string): number | undefined {
  return duration.test(text) ? quantity(text, durationUnits) : undefined
}

/** `512B`, `64KiB`, `10MB` as bytes; undefined = not a size. */
export function parseSize(text: string): number | undefined {
  return size.test(text) ? quantity(text, sizeUnits) : undefined
}

/** `400rps` as requests a second; undefined = not a rate. */
export function parseRate(text: string): number | undefined {
  return rate.test(text) ? quantity(text, { rps: 1 }) : undefined
}

/** `100/1m burst 20` as a count, a window in ms and a burst; undefined = not that. */
export function parseBurst(text: string): { count: number; windowMs: number; burst?: number } | undefined {
  if (!burst.test(text)) return undefined
  const [rate = '', most] = text.split(' burst ')
  const [count, window = ''] = rate.split('/')
  const windowMs = quantity(window, durationUnits) as number
  return { count: Number(count), windowMs, ...(most === undefined ? {} : { burst: Number(most) }) }
}

/** `10000/day` as a count and its calendar period; undefined = not that. */
export function parseQuota(text: string): { count: number; per: 'day' | 'month' } | undefined {
  if (!quota.test(text)) return undefined
  const [count, per] = text.split('/')
  return { count: Number(count), per: per as 'day' | 'month' }
}

/** Whole milliseconds in the largest unit that divides them. */
export function printDuration(ms: number): string {
  return printed(ms, durationUnits) ?? `${ms}ms`
}

/** Whole bytes in the largest binary unit that divides them, else the largest decimal one. */
export function printSize(bytes: number): string {
  return printed(bytes, binarySizes) ?? printed(bytes, decimalSizes) ?? `${bytes}B`
}

export function printRate(perSecond: number): string {
  return `${perSecond}rps`
}

type Units = Readonly<Record<string, number>>

const duration = new RegExp(durationText.pattern)
const size = new RegExp(sizeText.pattern)
const rate = new RegExp(rateText.pattern)
const burst = new RegExp(burstText.pattern)
const quota = new RegExp(quotaText.pattern)

function quantity(text: string, units: Units): number | undefined {
  const unitAt = text.search(/[A-Za-z]/)
  const factor = units[text.slice(unitAt)]
  return factor === undefined ? undefined : Number(text.slice(0, unitAt)) * factor
}

/** Largest unit first, as the tables above are written. */
function printed(amount: number, units: Units): string | undefined {
  if (amount === 0) return undefined
  for (const [unit, factor] of Object.entries(units)) {
    if (amount % factor === 0) return `${amount / factor}${unit}`
  }
  return undefined
}
