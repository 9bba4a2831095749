import { receiveAtEdge } from '#routes/edge-parts.ts'
import type { TableOffer, TableOrigin, ToldRefusal } from '#routes/messages.ts'
import type { TrustedKeys } from '#routes/seal.ts'
import type { EdgeTable } from '#routes/table.ts'
import type { TableNumber } from '#routes/vocabulary.ts'
import { RefusalCounts } from './refusal-counts.ts'
import { awayAfter, type TableSource, type WaitUntil } from './table-sources.ts'

/** What of its surroundings a held table needs. */
export interface Surroundings {
  /** Ms since 1970. On Cloudflare it stands still during CPU work, so ages are taken after I/O. */
  now(): number
  /** Resolves after `ms`, for the request that called it only. */
  pause(ms: number): Promise<void>
}

const softAgeMs = 1_000
const leastGapMs = 100
const readLimitMs = 800
const coldLimitMs = 50
/** A refresh that was cancelled with its request never says that it ended: after this long another may begin. */
const refreshDeadlineMs = 2_000

/**
 * The last good table of this isolate. A warm isolate never waits for it: what is held answers, and one request a
 * second refreshes it after its own answer. Only values live here, never a promise, stream or body, because the
 * runtime forbids one request to await what another began.
 */
export class HeldTable {
  readonly #bundle: TableOffer
  readonly #sources: readonly TableSource[]
  readonly #trusted: TrustedKeys
  readonly #around: Surroundings
  readonly #refusals = new RefusalCounts()
  #table: EdgeTable | undefined
  #from: TableOrigin = 'none'
  /** A source has answered. Until then each of them is asked. */
  #warm = false
  #behind = false
  /** Moments, ms since 1970: 0 is long ago. */
  #askedAt = 0
  #refreshingUntil = 0
  #answeredAt: number | undefined

  /** The first of `sources` is the one that knows; the others are asked by a cold isolate alone. None: the bundle stays. */
  constructor(bundle: TableOffer, sources: readonly TableSource[], trusted: TrustedKeys, around: Surroundings) {
    this.#bundle = bundle
    this.#sources = sources
    this.#trusted = trusted
    this.#around = around
  }

  /**
   * The table to decide by; undefined only if neither bundle nor a source ever gave a good one. The first request of an
   * isolate waits at most 50 ms for a newer one than the bundle; those that come meanwhile use what is held.
   */
  async current(waitUntil: WaitUntil): Promise<EdgeTable | undefined> {
    if (this.#table === undefined) await this.#take(this.#bundle, 'bundle')
    const first = this.#askedAt === 0
    const refresh = this.#refreshIfDue(waitUntil)
    if (first && refresh !== undefined) await Promise.race([refresh, this.#around.pause(coldLimitMs)])
    return this.#table
  }

  /** A gateway knows these numbers. If they are higher than ours, we are behind and need not wait for the soft age. */
  noticed(numbers: { structure: TableNumber; placements: TableNumber }, waitUntil: WaitUntil): void {
    const held = this.#table
    const newer =
      held === undefined || numbers.structure > held.structure.number || numbers.placements > held.placements.number
    if (!newer) return
    this.#behind = true
    // `waitUntil` has it.
    void this.#refreshIfDue(waitUntil)
  }

  get table(): EdgeTable | undefined {
    return this.#table
  }

  get from(): TableOrigin {
    return this.#from
  }

  /** Since the first source last answered, ms; undefined = never in this isolate. */
  get ageMs(): number | undefined {
    return this.#answeredAt && this.#around.now() - this.#answeredAt
  }

  get refusals(): readonly ToldRefusal[] {
    return this.#refusals.told
  }

  #refreshIfDue(waitUntil: WaitUntil): Promise<void> | undefined {
    const now = this.#around.now()
    if (this.#sources.length === 0 || now < this.#refreshingUntil) return undefined
    if (now - this.#askedAt < (this.#behind ? leastGapMs : softAgeMs)) return undefined
    this.#askedAt = now
    this.#refreshingUntil = now + refreshDeadlineMs
    const refresh = this.#refresh(waitUntil)
    waitUntil(refresh)
    return refresh
  }

  async #refresh(waitUntil: WaitUntil): Promise<void> {
    // Who is behind or cold has no use for an answer from before.
    const share = this.#behind || !this.#warm ? undefined : waitUntil
    this.#behind = false
    const asked = this.#warm ? this.#sources.slice(0, 1) : this.#sources
    await Promise.all(asked.map((source) => this.#ask(source, share, waitUntil)))
    this.#refreshingUntil = 0
  }

  /** A source that is away changes nothing for traffic, only the age that `status` tells. */
  async #ask(source: TableSource, share: WaitUntil | undefined, waitUntil: WaitUntil): Promise<void> {
    const deadline = AbortSignal.timeout(readLimitMs)
    const offer = await Promise.race([source.read(this.#table, deadline, share), awayAfter(deadline)])
    if ('away' in offer) return
    this.#warm = true
    const knows = source === this.#sources[0]
    if (knows) this.#answeredAt = this.#around.now()
    const taken = await this.#take(offer, source.name)
    if (knows && taken !== undefined) for (const other of this.#sources) waitUntil(Promise.resolve(other.keep?.(taken)))
  }

  /**
   * The table that was made of it, if it was good for one. Memory goes forward only: what another request put here
   * while this one verified is what it must beat.
   */
  async #take(offer: TableOffer, from: TableOrigin): Promise<EdgeTable | undefined> {
    for (;;) {
      const held = this.#table
      const { table, changed, refusals } = await receiveAtEdge(held, offer, this.#trusted)
      if (this.#table !== held) continue
      // Two documents under one number: somebody else signs with our key, or two control planes run. No poll mends it.
      if (this.#refusals.add(refusals, this.#around.now()).some(({ because }) => because === 'forked'))
        console.error('table-forked', refusals)
      if (!changed) return undefined
      this.#table = table
      this.#from = from
      return table
    }
  }
}
