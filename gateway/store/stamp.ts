import type { Clock } from '#server-kit/clock.ts'
import { problems } from '../errors.ts'
import type { Stamp } from './cache-store.ts'

/** A stamp this far ahead of our clock raises the skew alarm, ms. */
const skewAlarmMs = 500
/** A stamp this far ahead is not believed: sets with it are dropped, ms. */
const skewLimitMs = 60_000

/** Between two words about it, ms: while clocks differ every stamp says so. */
const alarmEveryMs = 60_000

const counterBits = 12n
const writerBits = 8n
const counterLimit = 1 << Number(counterBits)

/** Unix ms at which the stamp was taken. */
export const stampMs = (stamp: Stamp): number => Number(stamp >> (counterBits + writerBits))

export const stampWriter = (stamp: Stamp): number => Number(stamp & 0xffn)

/** 44 bits ms since 1970, 12 bits counter, 8 bits writer. */
export const makeStamp = (ms: number, counter: number, writer: number): Stamp =>
  (((BigInt(ms) << counterBits) | BigInt(counter)) << writerBits) | BigInt(writer)

/** `near`: believed. `ahead`: believed, but somebody's clock is wrong. `beyond`: not believed, and our clock did not move. */
export type Skew = 'near' | 'ahead' | 'beyond'

/**
 * The hybrid logical clock of one process: its stamps only grow, never collide with another writer's, and are above each
 * stamp it has seen. Whoever read a value and then writes is therefore newer, whatever the machines' clocks say.
 */
export class StampClock {
  readonly #clock: Clock
  readonly #writer: number
  #lastMs = 0
  #lastCounter = 0
  #alarmedAt = Number.NEGATIVE_INFINITY

  /** `writer`: 0..255, unlike that of every other live process that writes to the same zones. */
  constructor(clock: Clock, writer: number) {
    if (!Number.isInteger(writer) || writer < 0 || writer > 255) throw problems['cache-writer-invalid']({ writer })
    this.#clock = clock
    this.#writer = writer
  }

  /** Whether it is time to tell that clocks differ: at the first call, and then once a minute. */
  alarm(): boolean {
    const now = this.#clock.monotonic()
    if (now - this.#alarmedAt < alarmEveryMs) return false
    this.#alarmedAt = now
    return true
  }

  /** A stamp above all that this process has given or seen. */
  next(): Stamp {
    const now = Math.floor(this.#clock.now())
    if (now > this.#lastMs) {
      this.#lastMs = now
      this.#lastCounter = 0
    } else if (++this.#lastCounter === counterLimit) {
      this.#lastMs++
      this.#lastCounter = 0
    }
    return makeStamp(this.#lastMs, this.#lastCounter, this.#writer)
  }

  /** A stamp that this process, or one before it in its place, gave: the next is above it, however far ahead that is. */
  restore(stamp: Stamp): void {
    this.#raise(stamp)
  }

  /** Whether `see` would take it, or it is no further ahead of what was taken: else some clock is, or was, wrong. */
  believes(stamp: Stamp): boolean {
    return stampMs(stamp) - Math.max(this.#clock.now(), this.#lastMs) <= skewLimitMs
  }

  /** Takes note of a foreign stamp, so that our next one is above it. One beyond the skew limit is not taken. */
  see(stamp: Stamp): Skew {
    const ms = stampMs(stamp)
    const aheadMs = ms - this.#clock.now()
    if (aheadMs > skewLimitMs) return 'beyond'
    this.#raise(stamp)
    return aheadMs > skewAlarmMs ? 'ahead' : 'near'
  }

  #raise(stamp: Stamp): void {
    const ms = stampMs(stamp)
    const counter = Number((stamp >> writerBits) & 0xfffn)
    if (ms < this.#lastMs || (ms === this.#lastMs && counter <= this.#lastCounter)) return
    this.#lastMs = ms
    this.#lastCounter = counter
  }
}
