import type { Clock } from '#server-kit/clock.ts'

export interface Quota {
  /** A second. */
  readonly operations: number
  /** Above it for a moment; default as many again. */
  readonly burst?: number | undefined
}

interface Bucket {
  readonly quota: Quota
  tokens: number
  filledAtMs: number
}

/** How much each client may ask of this process: by its name, over however many connections it comes. */
export class Quotas {
  readonly #clock: Clock
  readonly #buckets = new Map<string, Bucket>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes one operation of the client's. 0: taken; else the whole seconds after which there is one. */
  take(client: string, quota: Quota | undefined): number {
    if (quota === undefined) {
      this.#buckets.delete(client)
      return 0
    }
    const bucket = this.#bucket(client, quota)
    const { operations } = quota
    const nowMs = this.#clock.monotonic()
    const filled = bucket.tokens + ((nowMs - bucket.filledAtMs) * operations) / 1000
    bucket.tokens = Math.min(most(quota), filled)
    bucket.filledAtMs = nowMs
    if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / operations))
    bucket.tokens--
    return 0
  }

  /** As many as there are clients; one whose quota was changed begins anew. */
  #bucket(client: string, quota: Quota): Bucket {
    const known = this.#buckets.get(client)
    if (known?.quota.operations === quota.operations && known.quota.burst === quota.burst) return known
    const bucket = { quota, tokens: most(quota), filledAtMs: this.#clock.monotonic() }
    this.#buckets.set(client, bucket)
    return bucket
  }
}

const most = ({ operations, burst = operations }: Quota): number => operations + burst
