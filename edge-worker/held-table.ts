import { receiveAtEdge } from '#routes/edge-parts.ts'
import type { EdgeStatus, TableOffer, ToldRefusal } from '#routes/messages.ts'
import type { TrustedKeys } from '#routes/seal.ts'
import type { EdgeTable } from '#routes/table.ts'
import type { TableNumber } from '#routes/vocabulary.ts'
import { RefusalCounts } from './refusal-counts.ts'
import type { TableSource } from './table-sources.ts'

/** What of its surroundings a held table needs. */
export interface Surroundings {
  /** Ms since 1970. On Cloudflare it stands still during CPU work, so ages are taken after I/O. */
  now(): number
  /** Resolves after `ms`, for the request that called it only. */
  pause(ms: number): Promise<void>
}

/** Keeps work going after the answer was given: `ctx.waitUntil` of the request at hand. */
export type WaitUntil = (work: Promise<unknown>) => void

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
  readonly #source: TableSource | undefined
  readonly #trusted: TrustedKeys
  readonly #around: Surroundings
  readonly #refusals = new RefusalCounts()
  #table: EdgeTable | undefined
  #from: EdgeStatus['source'] = 'none'
  #cold = true
  #behind = false
  /** Moments, ms since 1970: 0 is long ago. */
  #askedAt = 0
  #refreshingUntil = 0
  #answeredAt: number | undefined

  constructor(bundle: TableOffer, source: TableSource | undefined, trusted: TrustedKeys, around: Surroundings) {
    this.#bundle = bundle
    this.#source = source
    this.#trusted = trusted
    this.#around = around
  }

  /**
   * The table to decide by; undefined only if neither bundle nor source ever gave a good one. The first request of an
   * isolate waits at most 50 ms for a newer one than the bundle; those that come meanwhile use what is held.
   */
  async current(waitUntil: WaitUntil): Promise<EdgeTable | undefined> {
    if (this.#table === undefined) await this.#take(this.#bundle, 'bundle')
    if (this.#cold) {
      this.#cold = false
      const refresh = this.#refreshIfDue(waitUntil)
      if (refresh !== undefined) await Promise.race([refresh, this.#around.pause(coldLimitMs)])
    } else {
      // `waitUntil` has it.
      void this.#refreshIfDue(waitUntil)
    }
    return this.#table
  }

  /** A gateway knows these numbers. If they are higher than ours, we are behind and need not wait for the soft age. */
  noticed(numbers: { structure: TableNumber; placements: TableNumber }, waitUntil: WaitUntil): void {
    const held = this.#table
    const newer =
      held === undefined || numbers.structure > held.structure.number || numbers.placements > held.placements.number
    if (!newer) return
    this.#behind = true
    void this.#refreshIfDue(waitUntil)
  }

  get table(): EdgeTable | undefined {
    return this.#table
  }

  get from(): EdgeStatus['source'] {
    return this.#from
  }

  /** Since the source last answered, ms; undefined = never in this isolate. */
  get ageMs(): number | undefined {
    return this.#answeredAt && this.#around.now() - this.#answeredAt
  }

  get refusals(): readonly ToldRefusal[] {
    return this.#refusals.told
  }

  #refreshIfDue(waitUntil: WaitUntil): Promise<void> | undefined {
    const now = this.#around.now()
    if (this.#source === undefined || now < this.#refreshingUntil) return undefined
    if (now - this.#askedAt < (this.#behind ? leastGapMs : softAgeMs)) return undefined
    this.#askedAt = now
    this.#refreshingUntil = now + refreshDeadlineMs
    const refresh = this.#refresh(this.#source)
    waitUntil(refresh)
    return refresh
  }

  /** A source that is away changes nothing for traffic, only the age that `status` tells. */
  async #refresh(source: TableSource): Promise<void> {
    this.#behind = false
    const answer = await source.read(this.#table, AbortSignal.timeout(readLimitMs))
    const offer = answer === 'unchanged' ? {} : answer
    if (!('away' in offer)) {
      this.#answeredAt = this.#around.now()
      await this.#take(offer, source.name)
    }
    this.#refreshingUntil = 0
  }

  /** Memory goes forward only: what another request put here while this one verified is what it must beat. */
  async #take(offer: TableOffer, from: EdgeStatus['source']): Promise<void> {
    for (;;) {
      const held = this.#table
      const received = await receiveAtEdge(held, offer, this.#trusted)
      if (this.#table !== held) continue
      this.#refusals.add(received.refusals, this.#around.now())
      if (received.changed) {
        this.#table = received.table
        this.#from = from
      }
      return
    }
  }
}
