import { nameFrom, nameKindOf, nameTo, seqOf, stampOf } from './raw-record.ts'

/*
 * Which record of a name is the newest, for as many names as there is room for. Whether two names are one is decided by
 * their bytes alone: a hash only says where to look, so that two names with one hash cost time and lose nothing.
 */
const entryLimit = 512 * 1024
const arenaBytes = 32 * 1024 * 1024
const slots = 1024 * 1024
const hashBits = 24

export type NameHash = (bytes: Buffer, at: number) => number

/** FNV-1a over the name and its kind, 32 bits. */
export function nameHash(bytes: Buffer, at: number): number {
  let hash = Math.imul(0x811c9dc5 ^ nameKindOf(bytes, at), 0x01000193)
  for (let index = nameFrom(at), end = nameTo(bytes, at); index < end; index++)
    hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193)
  // The low bits of FNV mix badly.
  return (hash ^ (hash >>> 15)) >>> 0
}

/** Which names may have come twice: most come once, and need no room in the table. 4 MiB. */
export class SeenNames {
  readonly #hash: NameHash
  readonly #once = new Uint8Array(2 ** hashBits / 8)
  readonly #twice = new Uint8Array(2 ** hashBits / 8)

  constructor(hash: NameHash = nameHash) {
    this.#hash = hash
  }

  add(bytes: Buffer, at: number): void {
    const bit = this.#hash(bytes, at) & (2 ** hashBits - 1)
    const mask = 1 << (bit & 7)
    const index = bit >> 3
    if (((this.#once[index] as number) & mask) !== 0) this.#twice[index] = (this.#twice[index] as number) | mask
    else this.#once[index] = (this.#once[index] as number) | mask
  }

  /** False: it came once, for certain. */
  isTwice(bytes: Buffer, at: number): boolean {
    const bit = this.#hash(bytes, at) & (2 ** hashBits - 1)
    return ((this.#twice[bit >> 3] as number) & (1 << (bit & 7))) !== 0
  }
}

/** At most 524,288 names and 32 MiB of them (48 MiB in all); a name that finds no room is never superseded. */
export class NewestNames {
  readonly #hash: NameHash
  readonly #names = Buffer.allocUnsafeSlow(arenaBytes)
  readonly #nameAt = new Uint32Array(entryLimit + 1)
  readonly #kinds = new Uint16Array(entryLimit)
  readonly #stamps = new BigUint64Array(entryLimit)
  readonly #seqs = new Float64Array(entryLimit)
  readonly #lengths = new Uint32Array(entryLimit)
  /** Entry number + 1; 0: free. */
  readonly #slots = new Uint32Array(slots)
  #entries = 0
  /** Of the records that lost, bytes. */
  supersededBytes = 0

  constructor(hash: NameHash = nameHash) {
    this.#hash = hash
  }

  /** `end`: of the record. */
  add(bytes: Buffer, at: number, end: number): void {
    const slot = this.#slotOf(bytes, at)
    const entry = (this.#slots[slot] as number) - 1
    const stamp = stampOf(bytes, at)
    const seq = seqOf(bytes, at)
    if (entry < 0) {
      this.#insert(slot, bytes, at, end, stamp, seq)
      return
    }
    const before = this.#stamps[entry] as bigint
    const isNewer = stamp > before || (stamp === before && seq > (this.#seqs[entry] as number))
    this.supersededBytes += isNewer ? (this.#lengths[entry] as number) : end - at
    if (!isNewer) return
    this.#stamps[entry] = stamp
    this.#seqs[entry] = seq
    this.#lengths[entry] = end - at
  }

  /** Whether another record of its name is newer. */
  isSuperseded(bytes: Buffer, at: number): boolean {
    const entry = (this.#slots[this.#slotOf(bytes, at)] as number) - 1
    return entry >= 0 && this.#seqs[entry] !== seqOf(bytes, at)
  }

  #slotOf(bytes: Buffer, at: number): number {
    const kind = nameKindOf(bytes, at)
    const from = nameFrom(at)
    const to = nameTo(bytes, at)
    let slot = this.#hash(bytes, at) % slots
    for (let entry = this.#slots[slot] as number; entry > 0; entry = this.#slots[slot] as number) {
      const begin = this.#nameAt[entry - 1] as number
      const end = this.#nameAt[entry] as number
      const isSame = kind === this.#kinds[entry - 1] && bytes.compare(this.#names, begin, end, from, to) === 0
      if (isSame) break
      slot = (slot + 1) % slots
    }
    return slot
  }

  #insert(slot: number, bytes: Buffer, at: number, end: number, stamp: bigint, seq: number): void {
    const from = nameFrom(at)
    const to = nameTo(bytes, at)
    const nameAt = this.#nameAt[this.#entries] as number
    if (this.#entries === entryLimit || nameAt + to - from > arenaBytes) return
    const entry = this.#entries++
    bytes.copy(this.#names, nameAt, from, to)
    this.#nameAt[entry + 1] = nameAt + to - from
    this.#kinds[entry] = nameKindOf(bytes, at)
    this.#stamps[entry] = stamp
    this.#seqs[entry] = seq
    this.#lengths[entry] = end - at
    this.#slots[slot] = entry + 1
  }
}
