import type { Clock } from '#server-kit/clock.ts'

/** A scrape comes every minute at most: what ended in between is seen once more. */
const keptMs = 600_000

/** Which routes left the table so long ago that nobody asks for their numbers any more. */
export class LeavingRoutes {
  readonly #clock: Clock
  readonly #since = new Map<string, number>()
  #former: ReadonlyMap<string, unknown>

  /** `routes` are those of the table in force. */
  constructor(clock: Clock, routes: ReadonlyMap<string, unknown> = new Map()) {
    this.#clock = clock
    this.#former = routes
  }

  /** A new table is in force. A route that comes back stays. */
  follow(routes: ReadonlyMap<string, unknown>): void {
    for (const route of this.#former.keys()) if (!routes.has(route)) this.#since.set(route, this.#clock.monotonic())
    for (const route of this.#since.keys()) if (routes.has(route)) this.#since.delete(route)
    this.#former = routes
  }

  /** Each once. */
  gone(): string[] {
    const now = this.#clock.monotonic()
    const gone = [...this.#since].filter(([, since]) => now - since >= keptMs).map(([route]) => route)
    for (const route of gone) this.#since.delete(route)
    return gone
  }
}
