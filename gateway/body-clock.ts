import type { Clock } from '#server-kit/clock.ts'

/** How slowly a client may send a body. */
export interface BodyPace {
  /** Without a byte, ms. */
  readonly idleMs: number
  /** After each of so many ms it must have sent at `bytesPerSecond`: who sends a byte now and then is never idle. */
  readonly windowMs: number
  readonly bytesPerSecond: number
}

/** What an upload has done, as far as its client is to blame: time in which nobody wanted to read does not count. */
export interface Progress {
  readonly silentMs: number
  /** Of the running window. */
  readonly windowMs: number
  readonly windowBytes: number
}

/** Ms until an upload must be looked at again; 0 = it is too slow. Never more than a timer can hold. */
export function patience(pace: BodyPace, { silentMs, windowMs, windowBytes }: Progress): number {
  if (silentMs >= pace.idleMs) return 0
  const windowLeftMs = pace.windowMs - windowMs
  if (windowLeftMs <= 0 && windowBytes < (windowMs / 1_000) * pace.bytesPerSecond) return 0
  const nextMs = windowLeftMs > 0 ? windowLeftMs : pace.windowMs
  return Math.max(1, Math.min(pace.idleMs - silentMs, nextMs, longestTimerMs))
}

/** Node fires a timer beyond this at once. */
const longestTimerMs = 2 ** 31 - 1

/** The clock of one upload: calls `late` once when its client is too slow. It runs only while somebody wants to read. */
export class BodyClock {
  readonly #pace: BodyPace
  readonly #clock: Clock
  readonly #late: () => void
  #timer: NodeJS.Timeout | undefined
  /** Reading since then; -1 = nobody wants to. */
  #sinceMs = -1
  /** Reading time of the window before that. */
  #spentMs = 0
  #windowBytes = 0
  #heardMs = 0

  constructor(pace: BodyPace, clock: Clock, late: () => void) {
    this.#pace = pace
    this.#clock = clock
    this.#late = late
  }

  heard(bytes: number): void {
    this.#windowBytes += bytes
    this.#heardMs = this.#clock.monotonic()
  }

  /** Somebody wants to read. */
  run(): void {
    if (this.#sinceMs >= 0) return
    this.#sinceMs = this.#clock.monotonic()
    this.#heardMs = this.#sinceMs
    this.#timer ??= setTimeout(look, patience(this.#pace, this.#progress()) || 1, this)
  }

  /** Nobody does: the service is slow, or the upload has ended. */
  hold(): void {
    if (this.#sinceMs < 0) return
    this.#spentMs += this.#clock.monotonic() - this.#sinceMs
    this.#sinceMs = -1
  }

  stop(): void {
    this.hold()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Looks at the upload; the timer's turn, and a test's. */
  look(): void {
    this.#timer = undefined
    if (this.#sinceMs < 0) return
    const progress = this.#progress()
    const leftMs = patience(this.#pace, progress)
    if (leftMs === 0) {
      this.#late()
      return
    }
    if (progress.windowMs >= this.#pace.windowMs) {
      this.#spentMs = 0
      this.#sinceMs = this.#clock.monotonic()
      this.#windowBytes = 0
    }
    this.#timer = setTimeout(look, leftMs, this)
  }

  #progress(): Progress {
    const now = this.#clock.monotonic()
    return {
      silentMs: now - this.#heardMs,
      windowMs: this.#spentMs + now - this.#sinceMs,
      windowBytes: this.#windowBytes,
    }
  }
}

function look(clock: BodyClock): void {
  clock.look()
}
