import type { Clock } from '#server-kit/clock.ts'
import type { Random } from '#server-kit/random.ts'
import type { CacheOperation } from '../store/cache-operation.ts'
import type { Intent, Recorded } from '../store/operation-record.ts'
import type { Appended, AppendOptions, Journal, JournalReader, JournalStats } from './journal.ts'
import { MemoryReader, type MemoryReaderLimits } from './memory-reader.ts'

export interface MemoryJournalOptions {
  readonly clock: Clock
  readonly random: Random
  readonly limits?: Partial<MemoryReaderLimits>
}

const stands = Promise.resolve(true)

/**
 * A journal without files: for zones that end with the process as well, so that nothing is there to be repeated. What the
 * other sites have still to be told ends with it, too; they see another journal at another place then.
 */
export class MemoryJournal implements Journal {
  readonly id: string
  readonly place: string
  readonly lost = false
  readonly afterLoss: boolean = false
  readonly #options: MemoryJournalOptions
  readonly #readers = new Map<string, MemoryReader>()
  #head = 0
  #newestStamp = 0n

  constructor(options: MemoryJournalOptions) {
    this.#options = options
    this.id = Buffer.from(options.random.bytes(16)).toString('hex')
    this.place = Buffer.from(options.random.bytes(16)).toString('hex')
  }

  knowsLoss(_destination: string): void {}

  get head(): number {
    return this.#head
  }

  get newestStamp(): bigint {
    return this.#newestStamp
  }

  append(operation: CacheOperation, { local = false }: AppendOptions = {}): Appended {
    const seq = this.#next(operation)
    if (!local) for (const reader of this.#readers.values()) reader.append(seq, operation)
    return { seq, written: stands, durable: stands }
  }

  intend(intent: Intent): Appended {
    return { seq: this.#next(intent), written: stands, durable: stands }
  }

  async settleLoss(): Promise<boolean> {
    return true
  }

  applied(): void {
    // Nothing is repeated: see above.
  }

  async *unapplied(): AsyncIterable<CacheOperation> {}

  reader(destination: string): JournalReader {
    const held = this.#readers.get(destination)
    if (held !== undefined) return held
    const limits = { invalidations: 200_000, valuesBytes: 64 * 1024 * 1024, ...this.#options.limits }
    const reader = new MemoryReader({ clock: this.#options.clock, limits, nextSeq: () => ++this.#head })
    this.#readers.set(destination, reader)
    return reader
  }

  destinations(): readonly string[] {
    return [...this.#readers.keys()]
  }

  async forget(destination: string): Promise<void> {
    this.#readers.delete(destination)
  }

  stats(): JournalStats {
    const readers = [...this.#readers.values()]
    return {
      bytes: {
        invalidations: readers.reduce((sum, { invalidationBytes }) => sum + invalidationBytes, 0),
        values: readers.reduce((sum, { valueBytes }) => sum + valueBytes, 0),
      },
      droppedValues: readers.reduce((sum, { droppedValues }) => sum + droppedValues, 0),
      compactions: 0,
      dirty: [...new Set(readers.flatMap((reader) => reader.bumps().map(({ namespace }) => namespace)))],
      sync: { p50: 0, p99: 0 },
    }
  }

  async close(): Promise<void> {
    this.#readers.clear()
  }

  async retire(): Promise<void> {
    this.#readers.clear()
  }

  #next({ stamp }: Recorded): number {
    if (stamp > this.#newestStamp) this.#newestStamp = stamp
    return ++this.#head
  }
}
