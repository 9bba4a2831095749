import type { Problem } from '#routes/problem.ts'
import type { Clock } from '#server-kit/clock.ts'
import { problems } from '../errors.ts'
import {
  type CacheStore,
  type DeleteOutcome,
  type Hit,
  isGone,
  type MissReason,
  noExpiry,
  type PutOptions,
  type PutOutcome,
  type Stamp,
  valueLimitBytes,
} from '../store/cache-store.ts'
import type { StampClock } from '../store/stamp.ts'
import type { CacheChange, CacheRead, DeleteCommand, PutCommand } from './cache-command.ts'
import type { ItemCommands } from './item-commands.ts'
import { fillStamp, type LeaseTurn } from './leases.ts'

export interface CommandRunnerOptions {
  /** The outermost store: what is written here reaches the other sites. */
  readonly store: CacheStore
  readonly items: ItemCommands
  readonly stamps: StampClock
  readonly clock: Clock
  /** For a read over all zones, ms. */
  readonly deadlineMs: number
}

export type CommandAnswer = ReadAnswer | ChangeAnswer

export type ReadAnswer = { readonly kind: 'hit'; readonly hit: Hit } | Refused

/** `unique`: of the value as it is now, for the next compare-and-set. */
export type ChangeAnswer =
  | { readonly kind: 'stored'; readonly isNew: boolean; readonly unique: Stamp }
  | { readonly kind: 'done'; readonly unique?: Stamp }
  | { readonly kind: 'counted'; readonly value: bigint; readonly unique: Stamp }
  | { readonly kind: 'lease'; readonly turn: Exclude<LeaseTurn, { readonly kind: 'failed' }> }
  | Refused

export interface Refused {
  readonly kind: 'refused'
  readonly problem: Problem
  /** Of a miss. */
  readonly reason?: MissReason
}

const done: ChangeAnswer = { kind: 'done' }

/** One command on one key, for whoever may give it. Never throws; a read never fails, it misses with a reason. */
export class CommandRunner {
  readonly #options: CommandRunnerOptions

  constructor(options: CommandRunnerOptions) {
    this.#options = options
  }

  async read(namespace: string, { key }: CacheRead): Promise<ReadAnswer> {
    const { store, deadlineMs } = this.#options
    const found = await store.get(namespace, key, { deadlineMs })
    return found.kind === 'hit' ? { kind: 'hit', hit: found } : missed(isGone(found.because) ? 'absent' : found.because)
  }

  async change(namespace: string, command: CacheChange): Promise<ChangeAnswer> {
    const { items } = this.#options
    const { key } = command
    switch (command.op) {
      case 'put':
        return this.#put(namespace, command)
      case 'delete':
        return this.#delete(namespace, command)
      case 'touch': {
        const touched = await items.touch(namespace, key, { ttlMs: command.ttlMs })
        return touched.kind === 'touched' ? { kind: 'done', unique: touched.stamp } : refusal(touched.kind)
      }
      case 'incr': {
        const counted = await items.incr(namespace, key, command)
        if (counted.kind !== 'value') return refusal(counted.kind)
        return { kind: 'counted', value: counted.value, unique: counted.stamp }
      }
      case 'append': {
        const longer = await items.concat(namespace, key, command.value, command)
        return longer.kind === 'stored' ? { kind: 'done', unique: longer.stamp } : refusal(longer.kind)
      }
      case 'lease': {
        const turn = await items.lease(namespace, key, command)
        return turn.kind === 'failed' ? refusal(turn.kind) : { kind: 'lease', turn }
      }
    }
  }

  async #put(namespace: string, command: PutCommand): Promise<ChangeAnswer> {
    const { store, items, stamps, clock } = this.#options
    const { key, value, when, ttlMs, staleMs, flags, contentType, contentEncoding, tags } = command
    if (when.kind === 'never') return refused(problems['cache-precondition-failed']())
    const words: Omit<PutOptions, 'stamp'> = {
      ttlMs: ttlMs === noExpiry ? noExpiry : ttlMs + staleMs,
      flags,
      ...(staleMs === 0 ? {} : { soft: { sinceMs: clock.now() + ttlMs, forMs: staleMs } }),
      ...(contentType === undefined ? {} : { contentType }),
      ...(contentEncoding === undefined ? {} : { contentEncoding }),
      ...(tags.length === 0 ? {} : { tags: { exact: tags, scopes: [] } }),
    }
    if (when.kind === 'leased') {
      const { token } = when
      const outcome = await items.fill(namespace, key, value, { ...words, token })
      return outcome === 'stored' ? { kind: 'stored', isNew: true, unique: fillStamp(token) } : unstored(outcome, false)
    }
    // The records first and in the same turn: one that is younger than the stamp could not vouch for the value.
    const prepared = tags.length === 0 ? undefined : store.prepare(namespace, { exact: tags, scopes: [] })
    let stamp = stamps.next()
    await prepared
    const isNew = when.kind === 'absent' || (when.kind === 'always' && !(await this.#isThere(namespace, key)))
    const mode = when.kind === 'absent' ? 'add' : when.kind === 'present' ? 'replace' : 'set'
    const put = { ...words, mode, ...(when.kind === 'same' ? { ifStamp: when.unique } : {}) } as const
    let outcome = await store.put(namespace, key, value, { ...put, stamp })
    if (outcome === 'older' && when.kind !== 'always' && (await this.#seen(namespace, key))) {
      // What it met came from a clock ahead of ours. Who asks now is later, if the condition still holds.
      stamp = stamps.next()
      outcome = await store.put(namespace, key, value, { ...put, stamp })
    }
    return outcome === 'stored' ? { kind: 'stored', isNew, unique: stamp } : unstored(outcome, when.kind !== 'always')
  }

  async #delete(namespace: string, { key, when, softMs }: DeleteCommand): Promise<ChangeAnswer> {
    const { items } = this.#options
    // Nothing is there that it could be; an entity tag that is none of ours deletes nothing either.
    if (when.kind === 'never' || when.kind === 'absent') return refused(problems['cache-precondition-failed']())
    const condition = when.kind === 'same' ? { ifStamp: when.unique } : {}
    const outcome =
      softMs === undefined
        ? await items.delete(namespace, key, condition)
        : await items.softDelete(namespace, key, { forMs: softMs, ...condition })
    return outcome === 'deleted' ? done : undeleted(outcome, when.kind !== 'always')
  }

  /** Only to tell 201 from 204; nothing depends on it. */
  async #isThere(namespace: string, key: string): Promise<boolean> {
    const { store, deadlineMs } = this.#options
    return (await store.get(namespace, key, { deadlineMs })).kind === 'hit'
  }

  async #seen(namespace: string, key: string): Promise<boolean> {
    const { store, stamps, deadlineMs } = this.#options
    const { stamp } = await store.get(namespace, key, { deadlineMs })
    return stamp !== undefined && stamps.see(stamp) !== 'beyond'
  }
}

export const noZone = 'not enough zones took it in time'

export const refused = (problem: Problem): Refused => ({ kind: 'refused', problem })

const missed = (because: MissReason): Refused => ({
  ...refused(problems['cache-miss']({ because })),
  reason: because,
})

function refusal(kind: 'not-found' | 'exists' | 'not-a-number' | 'too-large' | 'failed'): Refused {
  switch (kind) {
    case 'not-found':
      return missed('absent')
    case 'exists':
      return refused(problems['cache-precondition-failed']())
    case 'not-a-number':
      return refused(problems['cache-not-a-number']())
    case 'too-large':
      return refused(problems['cache-too-large']({ limit: valueLimitBytes, unit: 'bytes' }))
    case 'failed':
      return refused(problems['cache-write-unavailable']({ because: noZone }))
  }
}

function unstored(outcome: Exclude<PutOutcome, 'stored'> | 'lease-lost', isConditional: boolean): Refused {
  if (outcome === 'failed') return refusal('failed')
  const lostCondition = isConditional && (outcome === 'exists' || outcome === 'absent')
  return refused(problems[lostCondition ? 'cache-precondition-failed' : 'cache-superseded']())
}

function undeleted(outcome: Exclude<DeleteOutcome, 'deleted'>, isConditional: boolean): Refused {
  if (outcome === 'failed') return refused(problems['cache-invalidation-not-durable']())
  if (isConditional) return refused(problems['cache-precondition-failed']())
  return outcome === 'older' ? refused(problems['cache-superseded']()) : missed('absent')
}
