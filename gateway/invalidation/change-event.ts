import { isJsonObject } from '../internal/json-object.ts'
import type { InvalidationEvent } from './invalidation-event.ts'

/** Rows of one table, and what is invalidated when one of them changes: `cache.events.changes` of gateway.yaml. */
export interface ChangeRule {
  /** Name of the table, as far as it is told apart: `products`, `public.products`, `shop.public.products`. */
  readonly source: string
  readonly ns: string
  /** `product:{id}`, `{after.id}` or `{before.id}`: a column of the row. */
  readonly tags: readonly string[]
}

type Row = Readonly<Record<string, unknown>>
type Tell = (fault: string) => void

interface Change {
  /** c, u, d: a row. t: the table was emptied. r: a row that was read, not changed. m: no row at all. */
  readonly op: string
  readonly table: string
  readonly before: Row | undefined
  readonly after: Row | undefined
  readonly atMs?: number
}

/**
 * Whether a message is a change record of Debezium: its envelope plain, below `payload` (with its schema), or as the
 * CloudEvent that its converter makes of it. Pure.
 */
export function isChange(message: Row): boolean {
  return changeIn(message) !== undefined
}

/**
 * What the change of a row invalidates, by the rules of its table. A table without a rule is nobody's here: nothing is
 * invalidated. A rule that names a column which the row lacks is a fault. Pure.
 */
export function readChange(message: Row, rules: readonly ChangeRule[], tell: Tell): readonly InvalidationEvent[] {
  const change = changeIn(message)
  if (change === undefined) return []
  const { op, table, atMs } = change
  if (!'crudtm'.includes(op) || op.length !== 1) {
    tell(`op is ${op}: it must be one of c, u, d, r, t and m`)
    return []
  }
  // What a snapshot reads did not change, and a message of the log itself is of no row.
  if (op === 'r' || op === 'm') return []
  const reason = `${op} of ${table}`
  const events: InvalidationEvent[] = []
  for (const { source, ns, tags: templates } of rules) {
    if (table !== source && !table.endsWith(`.${source}`)) continue
    const tags = op === 't' ? [] : templates.flatMap((template) => fill(template, change, tell))
    // Rows of which some name is nobody's: none of what is cached can bear it.
    if (op !== 't' && tags.length === 0) continue
    const words = op === 't' ? { all: true, reason } : { tags: [...new Set(tags)], reason }
    events.push({ namespace: ns, words, ...(atMs === undefined ? {} : { atMs }) })
  }
  return events
}

const place = /\{(?:(before|after)\.)?([^{}]+)\}/g

/**
 * The tags that a template stands for, at most two. `{column}`: of the row as it was, and as it is now. `{after.column}`: as
 * it is now; of a deleted row, as it was, or a deletion would invalidate nothing. `{before.column}`: as it was, if told.
 */
function fill(template: string, { before, after }: Change, tell: Tell): readonly string[] {
  const versions = new Set<string>()
  for (const [row, other] of [
    [after, before],
    [before, after],
  ] as const) {
    const tag = fillFrom(template, { before, after: after ?? before, plain: row ?? other }, tell)
    if (tag !== undefined) versions.add(tag)
  }
  return [...versions]
}

type Rows = Readonly<Record<'before' | 'after' | 'plain', Row | undefined>>

function fillFrom(template: string, rows: Rows, tell: Tell): string | undefined {
  let isWhole = true
  const tag = template.replace(place, (_, version: 'before' | 'after' | undefined, column: string) => {
    const row = rows[version ?? 'plain']
    const value = row?.[column]
    if (row !== undefined && value === undefined) tell(`the row has no column ${column}, which ${template} names`)
    else if (value !== null && typeof value === 'object') tell(`the column ${column} is no plain value`)
    // Nothing is named by what is null, or was not told.
    isWhole &&= value !== null && value !== undefined
    return String(value)
  })
  return isWhole ? tag : undefined
}

function changeIn(message: Row): Change | undefined {
  const { type, data, payload } = message
  if (typeof type === 'string' && type.startsWith('io.debezium.')) return fromCloudEvent(message, data)
  return fromEnvelope(isJsonObject(payload) ? payload : message)
}

function fromEnvelope({ op, before, after, source, ts_ms }: Row): Change | undefined {
  if (typeof op !== 'string' || !isJsonObject(source)) return undefined
  const { name, db, schema, table, ts_ms: committedMs } = source
  return changeOf({ op, before, after }, [name, db, schema, table], committedMs ?? ts_ms)
}

function fromCloudEvent(event: Row, data: unknown): Change | undefined {
  const inner = isJsonObject(data) && isJsonObject(data['payload']) ? data['payload'] : data
  const { before, after } = isJsonObject(inner) ? inner : {}
  const names = ['name', 'db', 'schema', 'table'].map((name) => event[`iodebezium${name}`])
  const op = event['iodebeziumop']
  return typeof op === 'string' ? changeOf({ op, before, after }, names, Number(event['iodebeziumtsms'])) : undefined
}

function changeOf(
  { op, before, after }: { op: string; before: unknown; after: unknown },
  names: readonly unknown[],
  atMs: unknown,
): Change {
  return {
    op,
    table: names.filter((name) => typeof name === 'string' && name !== '').join('.'),
    before: isJsonObject(before) ? before : undefined,
    after: isJsonObject(after) ? after : undefined,
    ...(typeof atMs === 'number' && Number.isFinite(atMs) ? { atMs } : {}),
  }
}
