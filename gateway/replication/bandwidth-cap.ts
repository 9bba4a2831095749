import type { Clock } from '#server-kit/clock.ts'

/** A sender may be ahead of the cap for so long, ms: batches are made no larger than what passes meanwhile. */
const aheadMs = 50

/** What all journals of a process may send to one site. Those who have invalidations to tell go first. */
export class BandwidthCap {
  /** A batch should not be larger, bytes. */
  readonly batchBytes: number
  readonly #bytesPerMs: number
  readonly #clock: Clock
  readonly #urgent: (() => void)[] = []
  readonly #patient: (() => void)[] = []
  /** When all that was sent has passed at the capped rate, monotonic ms. */
  #paidAtMs = 0
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(bitsPerSecond: number, clock: Clock) {
    this.#bytesPerMs = bitsPerSecond / 8_000
    this.batchBytes = Math.max(4 * 1024, Math.floor(this.#bytesPerMs * aheadMs))
    this.#clock = clock
  }

  /** Resolves when one batch may be sent: true at once, false after a wait. At most one caller a lane waits. */
  async admit(urgent: boolean): Promise<boolean> {
    const queue = urgent ? this.#urgent : this.#patient
    if (this.#closed) return true
    if (this.#mayPass() && this.#urgent.length === 0 && queue.length === 0) return true
    await new Promise<void>((resolve) => {
      queue.push(resolve)
      this.#wake()
    })
    return false
  }

  /** So many bytes were sent. */
  spend(bytes: number): void {
    this.#paidAtMs = Math.max(this.#paidAtMs, this.#clock.monotonic()) + bytes / this.#bytesPerMs
  }

  /** Nobody waits any more. */
  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    for (const pass of [...this.#urgent.splice(0), ...this.#patient.splice(0)]) pass()
  }

  #mayPass(): boolean {
    return this.#clock.monotonic() >= this.#paidAtMs - aheadMs
  }

  #wake(): void {
    if (this.#timer !== undefined) return
    const waitMs = Math.max(1, this.#paidAtMs - aheadMs - this.#clock.monotonic())
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      // One: what it sends is known only afterwards.
      if (this.#mayPass()) (this.#urgent.shift() ?? this.#patient.shift())?.()
      if (this.#urgent.length + this.#patient.length > 0) this.#wake()
    }, waitMs).unref()
  }
}

/** Bits a second of a checked text like 200Mbps. */
export function bitsPerSecond(text: string): number {
  const unit = { k: 1e3, M: 1e6, G: 1e9 }[text.at(-4) ?? ''] ?? 1
  return Number.parseInt(text, 10) * unit
}
