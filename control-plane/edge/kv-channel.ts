import type { Held, PlacementSet } from '#routes/table.ts'
import type { TableNumber } from '#routes/vocabulary.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Random } from '#server-kit/random.ts'
import type { CloudflareApi } from './cloudflare-client.ts'
import { Health } from './health.ts'

export interface KvChannelParts {
  readonly api: Pick<CloudflareApi, 'putValue'>
  readonly environment: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Told that there is something to do. */
  readonly ring: () => void
}

/** Cloudflare takes one write a second of a key; ours keep a little more apart, however the network bunches them. */
const gapMs = 1_100

/**
 * Keeps the newest placements under one key, for cold isolates. Only the newest is ever waiting: 500 flips in a second are
 * two writes. A flip knows nothing of it.
 */
export class KvChannel {
  readonly #parts: KvChannelParts
  readonly #health: Health
  #wanted: Held<PlacementSet> | undefined
  #written: TableNumber = 0
  #writes = 0
  #notBefore = 0

  constructor(parts: KvChannelParts) {
    this.#parts = parts
    this.#health = new Health(parts.random, parts.log, 'kv')
  }

  offer(placements: Held<PlacementSet>): void {
    if (placements.number <= (this.#wanted?.number ?? 0)) return
    this.#wanted = placements
    this.#parts.ring()
  }

  get key(): string {
    return `placements/${this.#parts.environment}`
  }

  /** Number of the placements that were written, and of those that are to be; 0 = none. */
  get numbers(): { readonly written: TableNumber; readonly wanted: TableNumber } {
    return { written: this.#written, wanted: this.#wanted?.number ?? 0 }
  }

  get writes(): number {
    return this.#writes
  }

  get health(): Pick<Health, 'state' | 'because'> {
    return this.#health
  }

  /** A person has mended what it was halted for. */
  resume(): void {
    this.#health.resume()
    this.#notBefore = 0
    this.#parts.ring()
  }

  /** Writes what is due. Answers after how many ms to call again; undefined = when it rings. Never rejects. */
  async advance(): Promise<number | undefined> {
    const { api, clock } = this.#parts
    const wanted = this.#wanted
    if (wanted === undefined || wanted.number === this.#written || this.#health.state === 'halted') return undefined
    const inMs = this.#notBefore - clock.monotonic()
    if (inMs > 0) return inMs
    const reply = await api.putValue(this.key, JSON.stringify({ placements: wanted.sealed }))
    this.#writes++
    // From its end on: when on its way it was counted there is not known.
    this.#notBefore = clock.monotonic() + gapMs
    switch (reply.kind) {
      case 'done':
        this.#written = wanted.number
        this.#health.worked()
        return gapMs
      case 'denied':
        return this.#health.halt(reply.because)
      default: {
        const asked = reply.kind === 'later' ? reply.afterMs : undefined
        const retryMs = Math.max(this.#health.failed(reply.because, asked) ?? gapMs, gapMs)
        this.#notBefore = clock.monotonic() + retryMs
        return retryMs
      }
    }
  }
}
