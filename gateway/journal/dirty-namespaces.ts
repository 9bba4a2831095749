import { crc32 } from 'node:zlib'
import { problems } from '../errors.ts'
import type { PendingBump } from './journal.ts'
import { type JournalFile, type JournalFiles, reserve } from './journal-files.ts'

/*
 * A row of slots of 64 bytes, all zeros when free: u8 bytes of the name | name | at 40: u64 stamp | at 60: u32 crc32 of the 60.
 * They are written in place: on a full disk there is no other room.
 */
const slotBytes = 64
const slotLimit = 10_000
const stampAt = 40
const crcAt = 60
const freeSlot = Buffer.alloc(slotBytes)

interface Dirty {
  readonly slot: number
  readonly stamp: bigint
  /** Everything up to it must stand in the zones of this site before the slot is free. */
  seq: number
  readonly settled: Set<string>
}

/** Namespaces of which invalidations found no room in the journal: each stands for all of them, as a bump with the newest stamp. */
export class DirtyNamespaces {
  readonly #file: JournalFile
  readonly #dirty = new Map<string, Dirty>()
  #free = allSlots()

  #damaged = false

  private constructor(file: JournalFile) {
    this.#file = file
  }

  /** `exists`: else it is made, and is damaged until it is cleared. */
  static async open(files: JournalFiles, path: string, exists: boolean): Promise<DirtyNamespaces> {
    const dirty = new DirtyNamespaces(await (exists ? files.open(path) : files.create(path)))
    await dirty.#read()
    return dirty
  }

  /** The file was not whole when it was opened: nobody knows what stood in it. */
  get damaged(): boolean {
    return this.#damaged
  }

  /** None is dirty, and there is room for all that may become so. */
  async clear(): Promise<void> {
    this.#dirty.clear()
    this.#free = allSlots()
    await reserve(this.#file, 0, slotLimit * slotBytes)
    await this.#file.sync()
  }

  get names(): readonly string[] {
    return [...this.#dirty.keys()]
  }

  get size(): number {
    return this.#dirty.size
  }

  /**
   * Notes the namespaces, each with the stamp and seq of what found no room; true: they survive the machine. Never rejects.
   */
  async mark(lost: ReadonlyMap<string, { readonly stamp: bigint; readonly seq: number }>): Promise<boolean> {
    try {
      for (const [namespace, { stamp, seq }] of lost) await this.#mark(namespace, stamp, seq)
      await this.#file.sync()
      return true
    } catch {
      // Whoever asked is told that it stands nowhere; the disk's own words were logged with the frame that failed.
      return false
    }
  }

  /** What this destination has still to be told. */
  pending(destination: string): PendingBump[] {
    const bumps: PendingBump[] = []
    for (const [namespace, { stamp, settled }] of this.#dirty)
      if (!settled.has(destination)) bumps.push({ namespace, stamp })
    return bumps
  }

  count(destination: string): number {
    let count = 0
    for (const { settled } of this.#dirty.values()) if (!settled.has(destination)) count++
    return count
  }

  all(): PendingBump[] {
    return [...this.#dirty].map(([namespace, { stamp }]) => ({ namespace, stamp }))
  }

  /** The destination has it. One that became dirty again meanwhile has another stamp, and stays. */
  settle(destination: string, { namespace, stamp }: PendingBump): void {
    const dirty = this.#dirty.get(namespace)
    if (dirty?.stamp === stamp) dirty.settled.add(destination)
  }

  /** Frees the slots of those that all `destinations` have, and the zones of this site too. Rejects with what the disk says. */
  async clean(destinations: readonly string[], appliedHere: number): Promise<void> {
    for (const [namespace, { slot, seq, settled }] of this.#dirty) {
      if (seq > appliedHere || !destinations.every((destination) => settled.has(destination))) continue
      this.#dirty.delete(namespace)
      await this.#file.write(freeSlot, slot * slotBytes)
      this.#free.push(slot)
    }
  }

  /** After a start: what was replayed into the zones of this site with the others, up to this seq. */
  replayed(seq: number): void {
    for (const dirty of this.#dirty.values()) dirty.seq = Math.min(dirty.seq, seq)
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  async #mark(namespace: string, stamp: bigint, seq: number): Promise<void> {
    const before = this.#dirty.get(namespace)
    const slot = before?.slot ?? this.#free.pop()
    if (slot === undefined)
      throw problems['cache-journal-full']({ log: 'dirty namespaces', bytes: slotLimit * slotBytes })
    const isCovered = before !== undefined && before.stamp >= stamp
    const newest = isCovered ? before.stamp : stamp
    const settled = isCovered ? before.settled : new Set<string>()
    this.#dirty.set(namespace, { slot, stamp: newest, seq: Math.max(seq, before?.seq ?? 0), settled })
    await this.#file.write(encodeSlot(namespace, newest), slot * slotBytes)
  }

  async #read(): Promise<void> {
    const bytes = Buffer.alloc(slotLimit * slotBytes)
    const read = await this.#file.read(bytes, 0)
    this.#damaged = read !== bytes.length || (await this.#file.size()) !== bytes.length
    const taken = new Set<number>()
    for (const slot of this.#free) {
      const one = bytes.subarray(slot * slotBytes, (slot + 1) * slotBytes)
      if (one.equals(freeSlot)) continue
      taken.add(slot)
      if (one.readUInt32BE(crcAt) !== crc32(one.subarray(0, crcAt))) {
        this.#damaged = true
        continue
      }
      const namespace = one.toString('latin1', 1, 1 + (one[0] as number))
      const seq = Number.MAX_SAFE_INTEGER
      this.#dirty.set(namespace, { slot, stamp: one.readBigUInt64BE(stampAt), seq, settled: new Set() })
    }
    this.#free = this.#free.filter((slot) => !taken.has(slot))
  }
}

/** The first one is the next to be taken. */
const allSlots = (): number[] => Array.from({ length: slotLimit }, (_, index) => slotLimit - 1 - index)

function encodeSlot(namespace: string, stamp: bigint): Buffer {
  const out = Buffer.alloc(slotBytes)
  out[0] = namespace.length
  out.write(namespace, 1, 'latin1')
  out.writeBigUInt64BE(stamp, stampAt)
  out.writeUInt32BE(crc32(out.subarray(0, crcAt)), crcAt)
  return out
}
