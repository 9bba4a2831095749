import type { GapReason } from './event-source.ts'

/** A Redis stream and our group in it, at one moment. Ids are those of Redis: `ms-number`. */
export interface StreamView {
  readonly length: number
  /** Entries that were ever added; undefined before Redis 7.0. */
  readonly added: number | undefined
  /** Of the oldest entry that is there; undefined: none is. */
  readonly first: string | undefined
  readonly last: string
  /** The highest that was removed by its id; undefined: none was, or it is not told. */
  readonly removed: string | undefined
  /** The newest that was given to somebody of the group. */
  readonly delivered: string
  /** How many entries the group has read; undefined: it does not know. */
  readonly read: number | undefined
}

/** What this process knows of the stream from before. */
export interface Remembered {
  /** The highest `last` that was seen. */
  readonly last: string
  /** `removalOf` the view whose gap was dealt with: it is not one again. */
  readonly handled: string | undefined
}

/**
 * Why entries that nobody had read are not there any more; undefined: all are. Pure. Where Redis counts (7.0), by counts: more
 * went than the group has read. Else the oldest entry that is there stands after the newest that was read, which may also
 * mean that all of what went was read.
 */
export function gapIn(view: StreamView, remembered: Remembered): GapReason | undefined {
  if (isBefore(view.last, remembered.last)) return 'rewound'
  if (remembered.handled === removalOf(view)) return undefined
  const { length, added, first, last, removed, delivered, read } = view
  // One that is removed by its id may leave the counts right.
  if (removed !== undefined && isBefore(delivered, removed)) return 'trimmed'
  if (added !== undefined && read !== undefined) return added - length > read ? 'trimmed' : undefined
  if (added === length) return undefined
  if (first === undefined) return isBefore(delivered, last) ? 'trimmed' : undefined
  return isBefore(delivered, first) ? 'trimmed' : undefined
}

/** The same as long as nothing is removed from the stream. */
export const removalOf = ({ length, added, first, removed }: StreamView): string =>
  added === undefined ? (first ?? '') : `${added - length}/${removed ?? ''}`

/** Whether one id stands before another. */
export function isBefore(one: string, other: string): boolean {
  const [ms, number] = partsOf(one)
  const [otherMs, otherNumber] = partsOf(other)
  return ms !== otherMs ? ms < otherMs : number < otherNumber
}

/** Unix ms at which the entry was added, unless its sender chose the id. */
export const idMs = (id: string): number => Number(id.split('-', 1)[0])

/** The number may have all of 64 bits. */
function partsOf(id: string): readonly [number, bigint] {
  const dash = id.indexOf('-')
  return dash < 0 ? [Number(id), 0n] : [Number(id.slice(0, dash)), BigInt(id.slice(dash + 1))]
}

/**
 * KEYS[1] stream, KEYS[2] life of the group; ARGV group, consumer, count, what is known to be removed. Reads for the consumer, but only if nothing more
 * was removed: what goes unread must be seen before the counts move on, and a look followed by a read would leave a moment
 * between. Answers ['no-group', life, how many entries are gone], or the view with, at its end, the entries (nil: there are
 * none), or 'unread'.
 */
export const readUnlessRemoved = `
local life = redis.call('GET', KEYS[2]) or ''
if redis.call('EXISTS', KEYS[1]) == 0 then return {'no-group', life, 0} end
local function fields(flat)
  local named = {}
  for i = 1, #flat, 2 do named[flat[i]] = flat[i + 1] end
  return named
end
local stream = fields(redis.call('XINFO', 'STREAM', KEYS[1]))
local group
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local each = fields(flat)
  if each['name'] == ARGV[1] then group = each end
end
local added = stream['entries-added']
if not group then return {'no-group', life, added and added - stream['length'] or -1} end
local first = stream['first-entry'] and stream['first-entry'][1] or ''
local removed = stream['max-deleted-entry-id'] or ''
if removed == '0-0' then removed = '' end
local removal = first
if added then removal = string.format('%.0f', added - stream['length']) .. '/' .. removed end
local entries = 'unread'
if removal == ARGV[4] and tonumber(ARGV[3]) > 0 then
  entries = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], '>')
end
return {'view', life, stream['length'], added or -1, first, stream['last-generated-id'], removed,
  group['last-delivered-id'], group['entries-read'] or -1, group['pending'], entries}
`

/** What the group was given when it was made, unlike that of every other group; empty: it was made by somebody else. */
export type GroupLife = string

export interface StreamLook {
  readonly view: StreamView
  readonly life: GroupLife
  readonly pending: number
  /** Undefined: nothing was read, since something more was removed. */
  readonly entries: readonly StreamEntry[] | undefined
}

export interface StreamEntry {
  readonly id: string
  /** Names and values in turn. */
  readonly fields: readonly string[]
}

export interface NoGroup {
  readonly view: undefined
  /** Of a group that was there; empty: nothing is known of one. */
  readonly life: GroupLife
  /** All that was ever added is there. Before Redis 7.0 that is known only where there is no stream at all. */
  readonly isWhole: boolean
}

/** What `readUnlessRemoved` answered. */
export function readLook(answer: readonly unknown[]): StreamLook | NoGroup {
  const [kind, life, length, added, first, last, removed, delivered, read, pending, entries] = answer
  if (kind === 'no-group') return { view: undefined, life: String(life), isWhole: Number(length) === 0 }
  const counted = (value: unknown) => (Number(value) < 0 ? undefined : Number(value))
  const told = (value: unknown) => (value === '' ? undefined : String(value))
  return {
    view: {
      length: Number(length),
      added: counted(added),
      first: told(first),
      last: String(last),
      removed: told(removed),
      delivered: String(delivered),
      read: counted(read),
    },
    life: String(life),
    pending: Number(pending),
    entries: Array.isArray(entries) || entries === null ? entriesOf(entries) : undefined,
  }
}

function entriesOf(streams: unknown): readonly StreamEntry[] {
  const [stream] = Array.isArray(streams) ? (streams as [string, [string, string[]][]][]) : []
  return (stream?.[1] ?? []).map(([id, fields]) => ({ id, fields }))
}

/** Text of the field that has an event: `event`, or `value` as Debezium calls it. */
export function textIn(fields: readonly string[]): string | undefined {
  for (let at = 0; at + 1 < fields.length; at += 2)
    if (fields[at] === 'event' || fields[at] === 'value') return fields[at + 1]
  return undefined
}
