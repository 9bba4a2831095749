import { type CacheInvalidation, invalidationWordLimit } from '#routes/gateway-answers.ts'
import { isJsonObject } from '../internal/json-object.ts'
import type { Stamp } from '../store/cache-store.ts'
import { isNamespace } from '../store/node-key.ts'
import { type ChangeRule, isChange, readChange } from './change-event.ts'
import type { InvalidationEvent } from './invalidation-event.ts'

export const invalidateType = 'tidegate.cache.invalidate.v1'

/** All that a message asks for, or all that is wrong with it: nothing of a message with a fault is applied. */
export type EventsRead =
  | { readonly kind: 'events'; readonly events: readonly InvalidationEvent[] }
  | { readonly kind: 'faults'; readonly faults: readonly string[] }

/** Events of one message. */
export const batchLimit = 1_000
/** Of one message, in bytes; what is longer is not read. */
export const messageLimitBytes = 1024 * 1024
/** One that is wrong all over does not fill the log: so many faults, of so many characters. */
const faultLimit = 20
const faultLength = 200

/**
 * Reads CloudEvents 1.0 in JSON, a single one or a batch, and the change records that `rules` name. Pure, never throws. An
 * event of another type is a fault: who sends one here believes that something is invalidated by it.
 */
export function readEvents(text: string, rules: readonly ChangeRule[]): EventsRead {
  if (Buffer.byteLength(text) > messageLimitBytes) return faulty([`it has more than ${messageLimitBytes} bytes`])
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return faulty(['it is not JSON'])
  }
  const messages = Array.isArray(body) ? (body as unknown[]) : [body]
  if (messages.length > batchLimit) return faulty([`${messages.length} events are more than ${batchLimit}`])
  const events: InvalidationEvent[] = []
  const faults: string[] = []
  for (const [index, message] of messages.entries()) {
    const at = Array.isArray(body) ? `[${index}].` : ''
    if (!isJsonObject(message)) faults.push(`${at || 'it '}must be an object`)
    else if (isChange(message)) events.push(...readChange(message, rules, (fault) => faults.push(at + fault)))
    else {
      const event = readEvent(message, (fault) => faults.push(at + fault))
      if (event !== undefined) events.push(event)
    }
  }
  return faults.length > 0 ? faulty(faults) : { kind: 'events', events }
}

type Tell = (fault: string) => void

const attributes = ['specversion', 'id', 'source', 'type'] as const
const lists = ['keys', 'tags', 'routes'] as const
/** Leases and marks of its own: they are of one site alone. */
const reserved = 'tidegate-'
const words: ReadonlySet<string> = new Set(['ns', ...lists, 'all', 'soft', 'stamp', 'reason'])

function readEvent(event: Readonly<Record<string, unknown>>, tell: Tell): InvalidationEvent | undefined {
  let faults = 0
  const wrong = (fault: string): void => {
    faults++
    tell(fault)
  }
  for (const name of attributes) if (!isText(event[name])) wrong(`${name} must be a text that is not empty`)
  const { specversion, type, time, datacontenttype, data } = event
  if (isText(specversion) && specversion !== '1.0') wrong('specversion must be 1.0')
  if (isText(type) && type !== invalidateType) wrong(`type must be ${invalidateType}`)
  const atMs = typeof time === 'string' ? timeOf(time) : undefined
  if (time !== undefined && atMs === undefined) wrong('time must be a date and time as in RFC 3339')
  if (datacontenttype !== undefined && !isJsonType(datacontenttype)) wrong('datacontenttype must be application/json')
  if (!isJsonObject(data)) wrong('data must be an object')
  if (!isJsonObject(data)) return undefined
  const said = readData(data, (fault) => wrong(`data.${fault}`))
  return faults > 0 || said === undefined ? undefined : { ...said, ...(atMs === undefined ? {} : { atMs }) }
}

/** Strictly: a misspelt word would be an invalidation that did not happen. */
function readData(data: Readonly<Record<string, unknown>>, wrong: Tell): InvalidationEvent | undefined {
  for (const name of Object.keys(data)) if (!words.has(name)) wrong(`${name}: there is no such word`)
  const { ns, all, soft, stamp, reason } = data
  if (typeof ns !== 'string' || !isNamespace(ns)) wrong('ns must be 1 to 32 characters of a-z, 0-9 and -')
  else if (ns.startsWith(reserved)) wrong('ns belongs to the gateway itself')
  let count = 0
  for (const name of lists) {
    const list = data[name]
    if (list === undefined) continue
    if (!Array.isArray(list) || !list.every(isText)) wrong(`${name} must be a list of texts that are not empty`)
    else count += list.length
  }
  if (count > invalidationWordLimit) wrong(`keys, tags and routes: ${count} are more than ${invalidationWordLimit}`)
  if (all !== undefined && typeof all !== 'boolean') wrong('all must be true or false')
  if (count === 0 && all !== true) wrong('ns alone names nothing: keys, tags, routes or all')
  if (soft !== undefined && !Number.isInteger(soft)) wrong('soft must be a whole number of seconds')
  // A JSON number would lose the last digits of 64 bits on its way through most programs.
  const taken = stamp === undefined ? undefined : stampOf(stamp)
  if (stamp !== undefined && taken === undefined) wrong('stamp must be a text of decimal digits, below 2^64')
  if (!isText(reason)) wrong('reason must be a text that is not empty')
  const { ns: namespace, stamp: _, ...rest } = data
  return {
    namespace: String(namespace),
    words: rest as CacheInvalidation,
    ...(taken === undefined ? {} : { stamp: taken }),
  }
}

function stampOf(value: unknown): Stamp | undefined {
  if (typeof value !== 'string' || !/^\d{1,20}$/.test(value)) return undefined
  const stamp = BigInt(value)
  return stamp >> 64n === 0n ? stamp : undefined
}

/** RFC 3339; anything else that `Date` would read is refused. */
function timeOf(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/.test(text)) return undefined
  const ms = Date.parse(text.toUpperCase())
  return Number.isNaN(ms) ? undefined : ms
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const isJsonType = (value: unknown) => typeof value === 'string' && /^[\w.+-]+\/(?:[\w.+-]+\+)?json(?:;|$)/i.test(value)

/** What is wrong, as it is told, logged and kept: the words of a message stand in it. */
export function faulty(told: readonly string[]): { readonly kind: 'faults'; readonly faults: readonly string[] } {
  const faults = [...new Set(told.map((fault) => fault.slice(0, faultLength)))]
  const more = faults.length - faultLimit
  return { kind: 'faults', faults: more > 0 ? [...faults.slice(0, faultLimit), `${more} more`] : faults }
}
