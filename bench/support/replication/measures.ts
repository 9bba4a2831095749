import { setTimeout as wait } from 'node:timers/promises'
import { type CacheStore, noExpiry, type Stamp } from '../../../gateway/store/cache-store.ts'
import { stampMs } from '../../../gateway/store/stamp.ts'
import { nowMs } from '../open-loop.ts'

/** What one side is told to do or to find out for the proof of the link. */
export type Measure =
  /** Open-loop writes; ms of each. `waits`: the control, which answers only when the other site has it. */
  | { readonly what: 'write'; readonly perSecond: number; readonly forMs: number; readonly waits: boolean }
  /** The same with marks in between, which are deleted half a second later. */
  | { readonly what: 'mark'; readonly perSecond: number; readonly forMs: number; readonly marks: string }
  /** At the other side: looks for those marks until it has seen each come and go. */
  | { readonly what: 'watch'; readonly count: number; readonly marks: string; readonly withinMs: number }
  /** Values of `count` keys, and deletes of them. */
  | { readonly what: 'fill' | 'delete'; readonly prefix: string; readonly count: number }
  /** How many of these keys have a value here. */
  | { readonly what: 'count'; readonly prefix: string; readonly count: number }

export interface Watched {
  /** From the beginning of the write until the value, or its absence, was seen at the other site, ms. */
  readonly values: Float64Array
  readonly deletes: Float64Array
  /** Never seen. */
  readonly lost: number
  /** Unix ms and lag, in order of time. */
  readonly line: readonly (readonly [atMs: number, lagMs: number])[]
}

export interface MeasuredStore {
  readonly store: CacheStore
  readonly newStamp: () => Stamp
  settled(ms: number): Promise<boolean>
}

export const markEvery = 50
/** It is read while the other site is not heard: what is left there must be seen. */
const namespace = 'legacy'
const tickMs = 2
const deletedAfterMarks = 50
const waitLimitMs = 500
const atOnce = 256
const triesEach = 50
const againMs = 50
const value = Buffer.alloc(200, 'v')

export function measure(on: MeasuredStore, asked: Measure): Promise<unknown> {
  switch (asked.what) {
    case 'write':
      return writes(on, asked)
    case 'mark':
      return writes(on, { ...asked, waits: false })
    case 'watch':
      return watch(on, asked)
    case 'fill':
      return each(asked, (key) => on.store.put(namespace, key, value, { ttlMs: noExpiry, stamp: on.newStamp() }))
    case 'delete':
      return each(asked, (key) => on.store.delete(namespace, key, { stamp: on.newStamp() }))
    case 'count':
      return each(asked, async (key) => (await on.store.get(namespace, key, { deadlineMs: 1_000 })).kind)
  }
}

/** Outcomes by word, and how long all took. */
export interface Outcomes {
  readonly outcomes: Readonly<Record<string, number>>
  /** Times that one was refused and asked again. */
  readonly again: number
  readonly ms: number
}

async function each(
  { prefix, count }: { prefix: string; count: number },
  act: (key: string) => Promise<string>,
): Promise<Outcomes> {
  const outcomes: Record<string, number> = {}
  const begun = performance.now()
  let next = 0
  let again = 0
  const worker = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) {
      const key = `${prefix}-${at}`
      let outcome = await act(key)
      // As a client does that was told to ask again.
      for (let tries = 1; outcome === 'failed' && tries < triesEach; tries++) {
        again++
        await wait(againMs)
        outcome = await act(key)
      }
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return { outcomes, again, ms: performance.now() - begun }
}

/** Of three writes one is a delete; the keys come again, so that zones do not fill. */
async function writes(
  { store, newStamp, settled }: MeasuredStore,
  { perSecond, forMs, waits = false, marks }: { perSecond: number; forMs: number; waits?: boolean; marks?: string },
): Promise<Float64Array> {
  const taken = new Float64Array(Math.ceil((perSecond * forMs) / 1000))
  const underWay: Promise<unknown>[] = []
  const begun = performance.now()
  const one = async (at: number): Promise<void> => {
    const startedAt = performance.now()
    const isMark = marks !== undefined && at % markEvery === 0
    const key = isMark ? `${marks}-${at / markEvery}` : `key-${at % 5_000}`
    const stamp = newStamp()
    if (isMark) await store.put(namespace, key, Buffer.from(`${nowMs()}`), { ttlMs: 60_000, stamp })
    else if (at % 3 === 0) await store.delete(namespace, key, { stamp })
    else await store.put(namespace, key, value, { ttlMs: 60_000, stamp })
    if (waits) await settled(waitLimitMs)
    taken[at] = performance.now() - startedAt
    if (isMark && at >= deletedAfterMarks * markEvery)
      await store.delete(namespace, `${marks}-${at / markEvery - deletedAfterMarks}`, { stamp: newStamp() })
  }
  for (let sent = 0; sent < taken.length; await wait(tickMs)) {
    const due = Math.min(taken.length, Math.ceil(((performance.now() - begun) / 1000) * perSecond))
    for (; sent < due; sent++) underWay.push(one(sent))
  }
  await Promise.all(underWay)
  return taken
}

async function watch(
  { store }: MeasuredStore,
  { count, marks, withinMs }: { count: number; marks: string; withinMs: number },
): Promise<Watched> {
  const values: number[] = []
  const deletes: number[] = []
  const line: [number, number][] = []
  const endsAt = performance.now() + withinMs
  // Of the last ones nobody deletes the marks.
  const deleted = count - deletedAfterMarks
  const coming = new Set<number>()
  const going = new Set<number>()
  let next = 0
  const look = async (mark: number): Promise<void> => {
    const found = await store.get(namespace, `${marks}-${mark}`, { deadlineMs: 1_000 })
    const seenAt = nowMs()
    if (found.kind === 'hit' && coming.has(mark)) {
      const lagMs = seenAt - Number(found.value.toString())
      values.push(lagMs)
      line.push([seenAt, lagMs])
      coming.delete(mark)
      if (mark < deleted) going.add(mark)
    } else if (found.kind === 'miss' && found.stamp !== undefined && coming.has(mark)) {
      // It came so late that it was gone by then.
      coming.delete(mark)
    } else if (found.kind === 'miss' && going.has(mark) && found.stamp !== undefined) {
      deletes.push(seenAt - stampMs(found.stamp))
      going.delete(mark)
    }
  }
  while ((next < count || coming.size + going.size > 0) && performance.now() < endsAt) {
    // A few ahead of the one that came last, and those of which the delete is due.
    while (next < count && coming.size < lookAhead) coming.add(next++)
    const due = [...going].filter((mark) => mark + deletedAfterMarks <= next)
    await Promise.all([...coming, ...due.slice(0, lookAhead)].map(look))
    await wait(tickMs)
  }
  const lost = count - values.length + (deleted - deletes.length)
  return { values: Float64Array.from(values), deletes: Float64Array.from(deletes), lost, line }
}

const lookAhead = 6
