import { leaseLimitMs } from '../cache-api/leases.ts'
import { type Hit, isStale, noExpiry, type Stamp } from '../store/cache-store.ts'
import { softLimitMs } from '../store/tag-record.ts'
import { storeKey } from '../store/wire-key.ts'
import { type Answer, notDurable, zoneUnavailable } from './answer.ts'
import type { MetaCommand, MetaDebugCommand, MetaSetCommand } from './command.ts'
import { readExpiry } from './expiry.ts'
import { codeLine, type Shown, shownOf } from './meta-answer.ts'
import type { MetaFlags } from './meta-flags.ts'
import type { PortPutOutcome, PortStore } from './port-store.ts'
import type { RecacheTurns } from './recache-turns.ts'
import { notANumber, putOrFill } from './text-commands.ts'

/** A lease of no stated length, ms. */
const leaseMs = 10_000
const tries = 4
const nothing = Buffer.alloc(0)
/** `ms c` tells this number of what it has not stored. */
const notStored: Shown = { unique: 0n }

/** What the meta protocol's commands do to a namespace. Nothing throws: silence of the zones is an answer, too (rule P5). */
export class MetaCommands {
  readonly #store: PortStore
  readonly #turns: RecacheTurns

  constructor(store: PortStore, turns: RecacheTurns) {
    this.#store = store
    this.#turns = turns
  }

  /** `mayWrite`: the caller may be the one who makes a stale value anew; a lease that it cannot fill would keep others from it. */
  async get(namespace: string, { key: wire, flags }: MetaCommand, mayWrite: boolean): Promise<Answer> {
    const key = storeKey(wire)
    const found = await this.#store.get(namespace, key, flags.access)
    if (found.kind === 'hit') return this.#show(namespace, key, found, flags, mayWrite)
    return flags.vivify === undefined ? codeLine('EN', flags) : this.#vivify(namespace, key, flags.vivify, flags)
  }

  async set(namespace: string, command: MetaSetCommand): Promise<Answer> {
    const { flags } = command
    const outcome = await this.#put(namespace, storeKey(command.key), command)
    if (outcome === 'failed') return zoneUnavailable
    if (typeof outcome === 'string') return codeLine(outcome, flags, notStored)
    return codeLine('HD', flags, { unique: outcome.stamp })
  }

  async delete(namespace: string, { key: wire, flags }: MetaCommand): Promise<Answer> {
    const key = storeKey(wire)
    const outcome = flags.drop
      ? await this.#empty(namespace, key, flags)
      : flags.invalidate && !this.#isOver(flags.ttl)
        ? await this.#makeStale(namespace, key, flags)
        : await this.#store.delete(namespace, key, flags.unique)
    switch (outcome) {
      case 'deleted':
        return codeLine('HD', flags)
      case 'exists':
        return codeLine('EX', flags)
      case 'not-found':
        return codeLine('NF', flags)
      case 'failed':
        return notDurable
    }
  }

  async count(namespace: string, { key: wire, flags }: MetaCommand): Promise<Answer> {
    const key = storeKey(wire)
    const down = flags.mode === 'D' || flags.mode === '-'
    const vivify = flags.vivify === undefined ? undefined : this.#expiry(flags.vivify)
    const outcome = await this.#store.items.incr(namespace, key, {
      by: down ? -flags.delta : flags.delta,
      ...(vivify === undefined ? {} : { initial: flags.initial, ttlMs: vivify === 'over' ? 1 : vivify }),
      ...ifStamp(flags),
    })
    switch (outcome.kind) {
      case 'not-found':
        return codeLine('NF', flags)
      case 'exists':
        return codeLine('EX', flags)
      case 'not-a-number':
        return notANumber
      case 'failed':
        return zoneUnavailable
    }
    const { stamp } = outcome
    const shown: Shown = { unique: stamp, ttlMs: outcome.ttlMs }
    await this.#touch(namespace, key, flags.ttl, shown)
    const text = `${outcome.value}`
    return flags.value ? `${codeLine(`VA ${text.length}`, flags, shown)}${text}\r\n` : codeLine('HD', flags, shown)
  }

  /** What is known of an item, for people. Zones have no slab classes: it is always 0. */
  async debug(namespace: string, { key: wire, shown }: MetaDebugCommand): Promise<Answer> {
    const found = await this.#store.get(namespace, storeKey(wire), true)
    if (found.kind === 'miss') return 'EN\r\n'
    const { value, ttlMs, access } = found
    const expires = ttlMs === noExpiry ? -1 : -Math.ceil(ttlMs / 1000)
    const fetched = access?.readBefore === true ? 'yes' : 'no'
    const cas = found.unique ?? found.stamp
    return `ME ${shown} exp=${expires} la=${access?.idleS ?? 0} cas=${cas} fetch=${fetched} cls=0 size=${value.length}\r\n`
  }

  /** Flags hold in the order in which they stand: `t` before `T` tells the old life. */
  async #show(namespace: string, key: string, hit: Hit, flags: MetaFlags, mayWrite: boolean): Promise<Answer> {
    const stale = isStale(hit, this.#store.clock.now())
    const shown: Shown = shownOf(hit)
    if (stale) shown.stale = true
    if (flags.ttl !== undefined) await this.#touch(namespace, key, flags.ttl, shown)
    if (stale) {
      const turn = mayWrite ? await this.#store.items.lease(namespace, key, { ttlMs: leaseMs }) : undefined
      shown.turn = turn?.kind === 'win' ? 'won' : 'taken'
      // The stale value goes with the lease: whoever fills by this number is the one.
      if (turn?.kind === 'win') shown.unique = turn.token
    } else if (flags.recache !== undefined && this.#isDue(flags, hit.ttlMs, shown.ttlAfterMs ?? hit.ttlMs)) {
      shown.turn = (await this.#turns.take(namespace, key, hit)) ? 'won' : 'taken'
    }
    if (!flags.value) return codeLine('HD', flags, shown)
    return [codeLine(`VA ${hit.value.length}`, flags, shown), hit.value, '\r\n']
  }

  /** The life that `R` is held against is the one that stands when its turn comes among the flags. */
  #isDue({ words, recache = 0 }: MetaFlags, beforeMs: number, afterMs: number): boolean {
    const letters = words.map((word) => word[0])
    const isTouchedFirst = letters.includes('T') && letters.indexOf('T') < letters.indexOf('R')
    const leftMs = isTouchedFirst ? afterMs : beforeMs
    const limitMs = this.#expiry(recache)
    return leftMs !== noExpiry && limitMs !== 'over' && limitMs !== noExpiry && leftMs < limitMs
  }

  /** Nothing is there: one caller is to make it, and the others are told that somebody does. */
  async #vivify(namespace: string, key: string, seconds: number, flags: MetaFlags): Promise<Answer> {
    const wanted = this.#expiry(seconds)
    const ttlMs = wanted === noExpiry ? leaseMs : wanted === 'over' ? 1_000 : Math.min(wanted, leaseLimitMs)
    const turn = await this.#store.items.lease(namespace, key, { ttlMs })
    switch (turn.kind) {
      case 'failed':
        return codeLine('EN', flags)
      case 'hit':
        return this.#show(namespace, key, turn.hit, flags, true)
      case 'win':
      case 'wait': {
        const won = turn.kind === 'win'
        const unique = won ? turn.token : 0n
        const shown: Shown = { unique, ttlMs, bytes: 0, clientFlags: 0, turn: won ? 'won' : 'taken' }
        return flags.value ? `${codeLine('VA 0', flags, shown)}\r\n` : codeLine('HD', flags, shown)
      }
    }
  }

  async #put(
    namespace: string,
    key: string,
    { flags, value }: MetaSetCommand,
  ): Promise<{ readonly stamp: Stamp } | 'EX' | 'NF' | 'NS' | 'failed'> {
    const { unique, clientFlags, mode } = flags
    const expiry = this.#expiry(flags.ttl ?? 0)
    const put = { flags: clientFlags, ttlMs: expiry === 'over' ? noExpiry : expiry }
    if (mode === 'A' || mode === 'P') return this.#concat(namespace, key, value, flags)
    const ifStamp = unique === undefined ? {} : { ifStamp: unique }
    let outcome: PortPutOutcome
    if (mode === 'E') outcome = await this.#store.put(namespace, key, value, { ...put, mode: 'add' })
    else if (mode === 'R' && unique === undefined) {
      outcome = await this.#store.put(namespace, key, value, { ...put, mode: 'replace' })
    } else if (unique === undefined) outcome = await this.#store.put(namespace, key, value, put)
    else if (mode === 'R') outcome = await this.#store.put(namespace, key, value, { ...put, ...ifStamp })
    else outcome = await putOrFill(this.#store, namespace, key, value, { ...put, unique })
    if (outcome === 'exists' && flags.invalidate && unique !== undefined && mode !== 'E')
      outcome = await this.#putStale(namespace, key, value, clientFlags, unique)
    if (typeof outcome !== 'string') {
      // It has expired before it was stored: it counts as stored, and is gone.
      if (expiry === 'over') await this.#store.delete(namespace, key, outcome.stamp)
      return outcome
    }
    if (outcome === 'failed') return 'failed'
    if (unique === undefined || mode === 'E') return 'NS'
    return outcome === 'absent' ? 'NF' : 'EX'
  }

  /** `ms I` with a unique that is overtaken: the value is stored as a stale one, so that readers have something meanwhile. */
  async #putStale(
    namespace: string,
    key: string,
    value: Buffer,
    flags: number,
    unique: Stamp,
  ): Promise<PortPutOutcome> {
    for (let tried = 0; tried < tries; tried++) {
      const found = await this.#store.get(namespace, key)
      if (found.kind === 'miss') return 'absent'
      const current = found.unique ?? found.stamp
      if (unique >= current) return 'exists'
      const soft = found.soft ?? { sinceMs: this.#store.clock.now(), forMs: softLimitMs }
      const put = { flags, ttlMs: found.ttlMs, ifStamp: current, soft }
      const outcome = await this.#store.put(namespace, key, value, put)
      if (outcome !== 'exists') return outcome
    }
    return 'exists'
  }

  async #concat(namespace: string, key: string, value: Buffer, flags: MetaFlags) {
    const at = flags.mode === 'A' ? 'end' : 'begin'
    for (let tried = 0; tried < tries; tried++) {
      const outcome = await this.#store.items.concat(namespace, key, value, { at, ...ifStamp(flags) })
      switch (outcome.kind) {
        case 'stored':
          return outcome
        case 'failed':
          return 'failed'
        case 'exists':
          return 'EX'
        case 'too-large':
          return 'NS'
      }
      if (flags.vivify === undefined || (flags.unique ?? 0n) !== 0n) return 'NS'
      const ttlMs = this.#expiry(flags.vivify)
      if (ttlMs === 'over') return 'NS'
      const added = await this.#store.put(namespace, key, value, { mode: 'add', flags: flags.clientFlags, ttlMs })
      if (added !== 'exists') return added === 'absent' ? 'NS' : added
    }
    return 'NS'
  }

  async #makeStale(namespace: string, key: string, flags: MetaFlags) {
    const ttlMs = flags.ttl === undefined ? undefined : this.#expiry(flags.ttl)
    const forMs = typeof ttlMs === 'number' && ttlMs !== noExpiry ? ttlMs : softLimitMs
    const outcome = await this.#store.items.softDelete(namespace, key, {
      forMs,
      ...(flags.unique === undefined ? {} : { ifStamp: flags.unique }),
    })
    // Its life is another one from now on; that it is stale stays.
    if (outcome === 'deleted' && typeof ttlMs === 'number') await this.#store.items.touch(namespace, key, { ttlMs })
    return outcome === 'older' ? 'exists' : outcome
  }

  /** `md x`: the value and its flags go, the item and its life stay. */
  async #empty(namespace: string, key: string, { unique, invalidate }: MetaFlags) {
    for (let tried = 0; tried < tries; tried++) {
      const found = await this.#store.get(namespace, key)
      if (found.kind === 'miss') return 'not-found'
      const current = found.unique ?? found.stamp
      if (unique !== undefined && unique !== current) return 'exists'
      const soft = invalidate ? { soft: { sinceMs: this.#store.clock.now(), forMs: softLimitMs } } : {}
      const put = { flags: 0, ttlMs: found.ttlMs, ifStamp: current, ...soft }
      const outcome = await this.#store.put(namespace, key, nothing, put)
      if (outcome === 'absent') return 'not-found'
      if (outcome === 'failed') return 'failed'
      if (outcome !== 'exists') return 'deleted'
    }
    return 'failed'
  }

  /** Gives the item the life of `T`, and tells what came of it. */
  async #touch(namespace: string, key: string, seconds: number | undefined, shown: Shown): Promise<void> {
    if (seconds === undefined) return
    const ttlMs = this.#expiry(seconds)
    if (ttlMs === 'over') {
      await this.#store.delete(namespace, key, shown.unique)
      shown.ttlAfterMs = 0
      return
    }
    const outcome = await this.#store.items.touch(namespace, key, { ttlMs, ifStamp: shown.unique })
    if (outcome.kind !== 'touched') return
    shown.ttlAfterMs = ttlMs
    // A stale value that is given another life is stored anew.
    if (shown.stale === true) shown.unique = outcome.stamp
  }

  #expiry(seconds: number): number | 'over' {
    return readExpiry(seconds, this.#store.clock.now())
  }

  #isOver(seconds: number | undefined): boolean {
    return seconds !== undefined && this.#expiry(seconds) === 'over'
  }
}

/** To what changes a value where it stands, 0 is any. */
const ifStamp = ({ unique = 0n }: MetaFlags): { readonly ifStamp?: Stamp } => (unique === 0n ? {} : { ifStamp: unique })
