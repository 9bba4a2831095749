import { LRUCache } from 'lru-cache'
import type { Stamp } from './cache-store.ts'
import { emptyRecord, later, mergeRecords, newestIn, type TagRecord } from './tag-record.ts'

/**
 * Records of invalidations in this process, the least recently used go first. What went is known by its newest stamp: a
 * record that is made again knows of nothing before that.
 */
export class MemoryRecords {
  readonly #records: LRUCache<string, TagRecord>
  #lost: Stamp = 0n

  constructor(limit: number) {
    this.#records = new LRUCache({
      // Not `max`, which would take the memory for all of them at once.
      maxSize: limit,
      sizeCalculation: () => 1,
      dispose: (record, _key, reason) => {
        if (reason === 'evict') this.#lost = later(this.#lost, newestIn(record))
      },
    })
  }

  get(key: string): TagRecord | undefined {
    return this.#records.get(key)
  }

  /** The record, made if it is missing. */
  make(key: string): TagRecord {
    const held = this.#records.get(key)
    if (held !== undefined) return held
    const made = { ...emptyRecord, since: this.#lost }
    this.#records.set(key, made)
    return made
  }

  merge(key: string, news: TagRecord): void {
    const held = this.#records.get(key)
    // Before it is set: that may push out another, which this one may then know nothing about.
    this.#records.set(key, mergeRecords(held ?? { ...emptyRecord, since: this.#lost }, news))
  }

  clear(): void {
    this.#records.clear()
  }
}
