import type { Answer, BodyStream } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { HeaderPairs } from '../header-pairs.ts'
import { evaluate, notModified } from './policy/conditional.ts'
import type { Entry } from './policy/entry.ts'
import { ageS } from './policy/freshness.ts'
import { slice } from './policy/range.ts'

export interface Giving {
  /** Lower-case names of fields that are no client's to see. */
  readonly hidden: readonly string[]
  readonly nowMs: number
  /** The service was asked just now: also what `no-cache="a"` guards may be shown (S6). */
  readonly validated: boolean
}

/**
 * What a request gets of a stored answer: by its own conditions first, then by its range (G2); a HEAD gets no body. Undefined:
 * the entry is a part of an answer, and not the one that is asked for.
 */
export function answerFromEntry(x: Exchange, entry: Entry, body: Buffer, giving: Giving): Answer | undefined {
  const age = ageText(entry, giving.nowMs)
  if (evaluate(entry, x) === 'not-modified') return notModifiedAnswer(entry, age)
  const asked = slice(entry, body.length, x)
  switch (asked.kind) {
    case 'whole': {
      const headers = shownFields(entry, giving).slice()
      if (hasBody(entry.status) && !hasLength(headers)) headers.push('Content-Length', String(body.length))
      headers.push('Age', age)
      return { ...headOf(entry), headers, body: x.method === 'HEAD' ? undefined : body }
    }
    case 'part': {
      const { first, last } = asked
      const at = entry.part?.first ?? 0
      const headers = without(shownFields(entry, giving), ofWhole)
      const total = entry.part?.total ?? body.length
      headers.push('Content-Range', `bytes ${first}-${last}/${total}`, 'Content-Length', String(last - first + 1))
      headers.push('Age', age)
      return { status: 206, reason: '', headers, body: body.subarray(first - at, last + 1 - at) }
    }
    case 'unsatisfiable': {
      const total = entry.part?.total ?? body.length
      const headers = ['Content-Range', `bytes */${total}`, 'Content-Length', '0', 'Age', age]
      return { status: 416, reason: '', headers, body: undefined }
    }
    case 'outside':
      return undefined
  }
}

/** The same for a body that is still on its way, to a request for all of it. */
export function answerAsItComes(x: Exchange, entry: Entry, body: BodyStream, giving: Giving): Answer {
  const age = ageText(entry, giving.nowMs)
  if (evaluate(entry, x) === 'not-modified') {
    body.cancel(notNeeded)
    return notModifiedAnswer(entry, age)
  }
  const headers = shownFields(entry, giving).slice()
  headers.push('Age', age)
  return { ...headOf(entry), headers, body }
}

/** Fields without those that the service wrote for caches alone; the same list if there are none. */
export function withoutHidden(headers: HeaderPairs, hidden: readonly string[]): HeaderPairs {
  for (let at = 0; at < headers.length; at += 2) {
    if (hidden.includes((headers[at] as string).toLowerCase())) return without(headers, hidden)
  }
  return headers
}

const notNeeded = new Error('the client has it already')
const ofWhole: readonly string[] = ['content-length', 'content-range']

const headOf = ({ status, reason }: Entry) => ({ status, reason })

function notModifiedAnswer(entry: Entry, age: string): Answer {
  return { status: 304, reason: '', headers: notModified(entry, ['Age', age]), body: undefined }
}

/** Whole seconds, and never before it was stored (A3). */
function ageText(entry: Entry, nowMs: number): string {
  return String(Math.floor(ageS(entry, nowMs)))
}

function hasBody(status: number): boolean {
  return status !== 204 && status !== 304
}

function hasLength(headers: readonly string[]): boolean {
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string
    if (name.length === 14 && name.toLowerCase() === 'content-length') return true
  }
  return false
}

/** Entries of the first level are given many times: what they show is found out once. */
const shown = new WeakMap<Entry, { readonly hidden: readonly string[]; readonly fields: readonly string[] }>()

function shownFields(entry: Entry, { hidden, validated }: Giving): readonly string[] {
  if (entry.guarded.length > 0 && !validated) return without(entry.headers, [...hidden, ...entry.guarded])
  const known = shown.get(entry)
  if (known !== undefined && known.hidden === hidden) return known.fields
  const fields = without(entry.headers, hidden)
  shown.set(entry, { hidden, fields })
  return fields
}

function without(headers: readonly string[], names: readonly string[]): HeaderPairs {
  const kept: HeaderPairs = []
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] as string
    if (!names.includes(name.toLowerCase())) kept.push(name, headers[at + 1] as string)
  }
  return kept
}
