import { byteText } from '../cache/byte-text.ts'
import { jsonObjectIn } from '../internal/json-object.ts'
import { noExpiry } from '../store/cache-store.ts'
import { type CacheChange, type CacheCommand, type Condition, type PutCommand, verbOf } from './cache-command.ts'
import {
  checkContentEncoding,
  checkContentType,
  checkFlags,
  checkKey,
  checkStep,
  checkTags,
  checkToken,
  checkValue,
  invalid,
  leaseMs,
  softMs,
  ttlMs,
  uniqueOf,
} from './cache-fields.ts'

/** A line of a batch: `{"op":"put","key":"a","value":"<base64>","ttl":60}`. */
export function readLine(line: Buffer): CacheCommand {
  const fields = readFields(line)
  const op = fields.take('op')
  if (typeof op !== 'string' || !Object.hasOwn(verbOf, op)) {
    throw invalid('op', `it must be one of ${Object.keys(verbOf).join(', ')}`)
  }
  const key = fields.take('key')
  if (typeof key !== 'string') throw invalid('key', 'it must be a text')
  checkKey(key)
  if (op !== 'get') return readChange(op as CacheChange['op'], key, fields)
  fields.end()
  return { op, key }
}

/** The body of `POST {key}:incr`, `:touch` and `:lease`; none is `{}`. */
export const readBody = (op: CacheChange['op'], key: string, body: Buffer): CacheChange =>
  readChange(op, key, body.length === 0 ? new Fields({}) : readFields(body))

function readFields(bytes: Buffer): Fields {
  const value = jsonObjectIn(bytes)
  if (value !== undefined) return new Fields(value)
  throw invalid('the body', 'it must be a JSON object')
}

function readChange(op: CacheChange['op'], key: string, fields: Fields): CacheChange {
  const change = readOp(op, key, fields)
  fields.end()
  return change
}

function readOp(op: CacheChange['op'], key: string, fields: Fields): CacheChange {
  switch (op) {
    case 'put':
      return readPut(key, fields)
    case 'delete': {
      const soft = fields.number('soft')
      return { op, key, when: readMatch(fields), ...(soft === undefined ? {} : { softMs: softMs('soft', soft) }) }
    }
    case 'incr': {
      const initial = fields.integer('initial')
      if (initial !== undefined && initial < 0n) throw invalid('initial', 'it must not be below 0')
      const by = checkStep('by', fields.integer('by') ?? 1n)
      const ttl = readTtl(fields) ?? noExpiry
      return { op, key, by, ttlMs: ttl, ...(initial === undefined ? {} : { initial: checkStep('initial', initial) }) }
    }
    case 'touch': {
      const ttl = readTtl(fields)
      if (ttl === undefined) throw invalid('ttl', 'it is missing')
      return { op, key, ttlMs: ttl }
    }
    case 'append':
      return { op, key, value: fields.bytes('value'), at: fields.flag('prepend') ? 'begin' : 'end' }
    case 'lease':
      return { op, key, ttlMs: leaseMs('ttl', fields.number('ttl') ?? 10) }
  }
}

function readPut(key: string, fields: Fields): PutCommand {
  const ttl = readTtl(fields) ?? noExpiry
  const stale = fields.number('staleWhileRevalidate') ?? 0
  const type = fields.text('contentType')
  const coding = fields.text('contentEncoding')
  const contentEncoding = coding === undefined ? undefined : checkContentEncoding('contentEncoding', coding)
  return {
    op: 'put',
    key,
    value: checkValue(fields.bytes('value')),
    ttlMs: ttl,
    staleMs: ttl === noExpiry || stale === 0 ? 0 : softMs('staleWhileRevalidate', stale),
    flags: checkFlags('flags', fields.number('flags') ?? 0),
    ...(type === undefined ? {} : { contentType: checkContentType('contentType', type) }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    tags: checkTags('tags', fields.texts('tags').map(byteText)),
    when: readPutWhen(fields),
  }
}

function readTtl(fields: Fields): number | undefined {
  const ttl = fields.number('ttl')
  return ttl === undefined ? undefined : ttlMs('ttl', ttl)
}

function readPutWhen(fields: Fields): PutCommand['when'] {
  const lease = fields.text('lease')
  const noneMatch = fields.text('ifNoneMatch')
  const match = readMatch(fields)
  if ([lease !== undefined, noneMatch !== undefined, match.kind !== 'always'].filter(Boolean).length > 1) {
    throw invalid('the condition', 'ifMatch, ifNoneMatch and lease stand alone')
  }
  if (lease !== undefined) return { kind: 'leased', token: checkToken('lease', lease) }
  if (noneMatch === undefined) return match
  if (noneMatch !== '*') throw invalid('ifNoneMatch', 'it must be *')
  return { kind: 'absent' }
}

/** `ifMatch`: `*`, or a `unique` that an earlier answer gave. */
function readMatch(fields: Fields): Condition {
  const text = fields.text('ifMatch')
  if (text === undefined) return { kind: 'always' }
  if (text === '*') return { kind: 'present' }
  const unique = uniqueOf(text)
  return unique === undefined ? { kind: 'never' } : { kind: 'same', unique }
}

/** The members of an object, each taken once by what it must be; what nobody took is refused. */
class Fields {
  readonly #members: Map<string, unknown>

  constructor(object: object) {
    this.#members = new Map(Object.entries(object))
  }

  take(name: string): unknown {
    const value = this.#members.get(name)
    this.#members.delete(name)
    return value
  }

  text(name: string): string | undefined {
    const value = this.take(name)
    if (value === undefined || typeof value === 'string') return value
    throw invalid(name, 'it must be a text')
  }

  number(name: string): number | undefined {
    const value = this.take(name)
    if (value === undefined || typeof value === 'number') return value
    throw invalid(name, 'it must be a number')
  }

  /** A number, or, where it may have more bits than JSON's numbers keep, a decimal text. */
  integer(name: string): bigint | undefined {
    const value = this.take(name)
    if (value === undefined) return undefined
    if (Number.isSafeInteger(value) || (typeof value === 'string' && /^-?\d{1,20}$/.test(value))) {
      return BigInt(value as number | string)
    }
    throw invalid(name, 'it must be a whole number, above 2^53 as a text')
  }

  flag(name: string): boolean {
    const value = this.take(name)
    if (value === undefined || typeof value === 'boolean') return value === true
    throw invalid(name, 'it must be true or false')
  }

  bytes(name: string): Buffer {
    const text = this.text(name)
    const bytes = Buffer.from(text ?? '', 'base64')
    // Node reads over what is no base64: a value that was cut short must not be stored as if it were whole.
    if (text === undefined || bytes.toString('base64') !== text) throw invalid(name, 'it must be base64, with padding')
    return bytes
  }

  texts(name: string): readonly string[] {
    const value = this.take(name)
    if (value === undefined) return []
    if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) {
      throw invalid(name, 'it must be a list of texts')
    }
    return value
  }

  end(): void {
    for (const name of this.#members.keys()) throw invalid(name, 'there is no such field')
  }
}
