import type { Stamp } from './cache-store.ts'
import { makeStamp } from './stamp.ts'
import type { StoreNode } from './store-node.ts'

/** At `stamp` or later the node's counter stood at `cas`. */
interface Mark {
  readonly cas: number
  readonly stamp: Stamp
}

/** More floors than this are not told apart: what is older than the oldest mark is as old as the node. */
const markLimit = 16
/** A node tells its uptime in whole seconds, and its answer takes a while. */
const startSlackMs = 2_000
/** Two starts nearer to each other than that are one, told twice. */
const restartMs = 5_000
const scratchKey = '~tidegate-mark'
const nothing = Buffer.alloc(0)

/**
 * How old the items of one node are at most, by their cas alone: a node gives each item that it stores the next number of one
 * counter. What has a higher number than the counter had at some moment was stored after it, whoever stored it. A mark of an
 * earlier life of the node stays true, since all that a node has was stored after it started.
 */
export class RawAges {
  readonly #node: StoreNode
  readonly #newStamp: () => Stamp
  #marks: Mark[] = []
  #startedAtMs = 0
  #renewing: Promise<void> | undefined
  /** Of the last write of ours. */
  #lastCas: number | undefined

  constructor(node: StoreNode, newStamp: () => Stamp) {
    this.#node = node
    this.#newStamp = newStamp
  }

  /** The item was stored at this stamp or later, and at another one than its neighbours, as far as one process can tell. */
  of(cas: string): Stamp {
    this.#noteStart()
    const at = Number(cas)
    for (const mark of this.#marks) {
      if (at > mark.cas) return mark.stamp + BigInt(at - mark.cas)
    }
    return makeStamp(Math.max(0, this.#startedAtMs - startSlackMs), 0, 0) + BigInt(at)
  }

  /** From now on items that are stored after `floor` can be told from those before. All who ask meanwhile wait for one trip. */
  renew(floor: Stamp, deadlineMs: number): Promise<void> {
    this.#noteStart()
    const newest = this.#marks[0]
    if (newest !== undefined && newest.stamp >= floor) return Promise.resolve()
    this.#renewing ??= this.#mark(deadlineMs).finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  /** Takes note of a write of ours; how many writes of others the node has taken since the one before. */
  stored(cas: string): number {
    const at = Number(cas)
    const before = this.#lastCas
    this.#lastCas = at
    // Below: the node has started anew, or somebody gave an item a number of their own.
    return before === undefined || at <= before ? 0 : at - before - 1
  }

  async #mark(deadlineMs: number): Promise<void> {
    // The stamp first: what has a higher number than the counter has afterwards was stored after it.
    const stamp = this.#newStamp()
    const set = { ttlSeconds: 1, flags: 0, tellCas: this.#node.tellsCas }
    const stored = this.#node.set(scratchKey, nothing, nothing, set, deadlineMs)
    const told = this.#node.tellsCas ? stored : this.#node.get(scratchKey, 'c', deadlineMs)
    const removed = this.#node.delete(scratchKey, undefined, deadlineMs)
    const [reply] = await Promise.all([told, stored, removed])
    if (reply.code !== 'HD' || reply.cas === '') return
    this.#lastCas = Number(reply.cas)
    this.#marks = [{ cas: this.#lastCas, stamp }, ...this.#marks].slice(0, markLimit)
  }

  #noteStart(): void {
    const startedAtMs = this.#node.startedAtMs ?? 0
    if (startedAtMs < this.#startedAtMs + restartMs) return
    this.#startedAtMs = startedAtMs
    this.#marks = []
    this.#lastCas = undefined
  }
}
