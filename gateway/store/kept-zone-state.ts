import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readKeptJson, writeKeptFile } from '#server-kit/kept-file.ts'
import type { Log } from '#server-kit/log.ts'
import { problems } from '../errors.ts'
import type { Stamp } from './cache-store.ts'
import { later } from './tag-record.ts'

/** What an operator made of a zone; the newest word counts. */
export interface Forced {
  readonly state: 'up' | 'write-only'
  readonly stamp: Stamp
}

/** Some tens of zones and processes, with much room. */
const limitBytes = 1024 * 1024
const fileForm = /^[0-9a-z-]{1,64}\.json$/

export interface KeptZoneStateOptions {
  /** One for all processes of this home: each has a file of its own there, named by its place. */
  readonly folder: string
  readonly place: string
  readonly newStamp: () => Stamp
  readonly log: Log
}

/**
 * What must be known of the zones of a site after a restart: below which stamp nothing is served, what operators said, and
 * what other processes owed when they were last heard. Floors and words of all processes of this home are taken over.
 */
export class KeptZoneState {
  readonly #path: string
  readonly #log: Log
  readonly #floors = new Map<string, Stamp>()
  #siteFloor: Stamp = 0n
  readonly #forced = new Map<string, Forced>()
  /** Of the Redis in which all this stood last; undefined: it never stood in any. */
  life: string | undefined
  /** `place zone`. */
  owing: ReadonlySet<string> = new Set()
  readonly #pools = new Map<string, string>()
  #next: Promise<boolean> | undefined
  #writing: Promise<boolean> = Promise.resolve(true)

  private constructor(path: string, log: Log) {
    this.#path = path
    this.#log = log
  }

  /** Reads what was kept; where that cannot be read, nothing that the zones have from before is served. */
  static async open({ folder, place, newStamp, log }: KeptZoneStateOptions): Promise<KeptZoneState> {
    const own = `${place}.json`
    const kept = new KeptZoneState(join(folder, own), log)
    for (const name of await namesIn(folder)) {
      try {
        const facts = readFacts(await readKeptJson(join(folder, name), limitBytes))
        if (facts === undefined)
          throw problems['cache-zone-state-unreadable']({ because: 'it is not of the form that is written here' })
        for (const [where, stamp] of facts.floors) kept.raise(where, stamp)
        for (const [zone, forced] of facts.forced) kept.force(zone, forced)
        if (name !== own) continue
        kept.life = facts.life
        kept.owing = new Set(facts.owing)
        for (const [zone, pool] of facts.pools) kept.#pools.set(zone, pool)
      } catch (cause) {
        log.error({ err: cause, file: name }, 'what is kept of the cache zones cannot be read: they start from nothing')
        kept.raise('*', newStamp())
      }
    }
    return kept
  }

  get floors(): ReadonlyMap<string, Stamp> {
    return this.#floors
  }

  get forced(): ReadonlyMap<string, Forced> {
    return this.#forced
  }

  /** Of one zone: the higher of its own and the site's. */
  floor(zone: string): Stamp {
    const own = this.#floors.get(zone)
    return own === undefined ? this.#siteFloor : later(own, this.#siteFloor)
  }

  /** False: it was as high before. */
  raise(where: string, stamp: Stamp): boolean {
    if (stamp <= (this.#floors.get(where) ?? 0n)) return false
    this.#floors.set(where, stamp)
    if (where === '*') this.#siteFloor = stamp
    return true
  }

  /** False: a newer word is known. */
  force(zone: string, forced: Forced): boolean {
    if (forced.stamp <= (this.#forced.get(zone)?.stamp ?? 0n)) return false
    this.#forced.set(zone, forced)
    return true
  }

  /** The nodes that a zone has now. Where it had others before, nothing of that time is served, whoever has kept it. */
  poolIs(zone: string, nodes: string, newStamp: () => Stamp): void {
    const before = this.#pools.get(zone)
    if (before !== undefined && before !== nodes) this.raise(zone, newStamp())
    this.#pools.set(zone, nodes)
  }

  /** True when all that is known now is on the disk. One write at a time, and one that waits for it. Never rejects. */
  save(): Promise<boolean> {
    this.#next ??= this.#writing.then(() => {
      this.#next = undefined
      this.#writing = this.#write()
      return this.#writing
    })
    return this.#next
  }

  async #write(): Promise<boolean> {
    try {
      await writeKeptFile(this.#path, this.#text(), 0o600)
      return true
    } catch (cause) {
      this.#log.error({ err: cause }, 'what must be known of the cache zones after a restart cannot be kept')
      return false
    }
  }

  #text(): string {
    return JSON.stringify({
      v: 1,
      floors: Object.fromEntries([...this.#floors].map(([where, stamp]) => [where, String(stamp)])),
      forced: Object.fromEntries(
        [...this.#forced].map(([zone, { state, stamp }]) => [zone, { state, stamp: String(stamp) }]),
      ),
      owing: [...this.owing],
      pools: Object.fromEntries(this.#pools),
      ...(this.life === undefined ? {} : { life: this.life }),
    })
  }
}

interface Facts {
  readonly floors: readonly (readonly [string, Stamp])[]
  readonly forced: readonly (readonly [string, Forced])[]
  readonly owing: readonly string[]
  readonly pools: readonly (readonly [string, string])[]
  readonly life: string | undefined
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((name) => fileForm.test(name)).sort()
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw cause
  }
}

/** Undefined for whatever was not written here. */
function readFacts(value: unknown): Facts | undefined {
  if (!isGroup(value) || value['v'] !== 1) return undefined
  const { floors, forced, owing, pools, life } = value
  if (!isGroup(floors) || !isGroup(forced) || !isGroup(pools) || !isTexts(owing)) return undefined
  if (life !== undefined && typeof life !== 'string') return undefined
  return {
    floors: Object.entries(floors).map(([where, stamp]) => [where, readStamp(stamp)]),
    forced: Object.entries(forced).map(([zone, word]) => [zone, readForced(word)]),
    owing,
    pools: Object.entries(pools).map(([zone, pool]) => [zone, String(pool)]),
    life,
  }
}

function readForced(word: unknown): Forced {
  if (!isGroup(word)) throw problems['cache-zone-state-unreadable']({ because: 'a forced state is a group' })
  const { state, stamp } = word
  if (state !== 'up' && state !== 'write-only')
    throw problems['cache-zone-state-unreadable']({ because: 'a forced state is up or write-only' })
  return { state, stamp: readStamp(stamp) }
}

/** Throws for what is no number. */
export function readStamp(text: unknown): Stamp {
  if (typeof text !== 'string' || !/^[0-9]{1,20}$/.test(text))
    throw problems['cache-zone-state-unreadable']({ because: 'a stamp is a number' })
  return BigInt(text)
}

const isGroup = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string')
