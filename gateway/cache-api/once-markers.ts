import { type CacheStore, type Stamp, valueLimitBytes } from '../store/cache-store.ts'
import type { StampClock } from '../store/stamp.ts'

export interface OnceMarkersOptions {
  /** The zones of this site alone. */
  readonly zones: CacheStore
  readonly stamps: StampClock
  /** For one read, ms. */
  readonly deadlineMs: number
}

/** An answer that can be given again. */
export interface KeptAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * `answer`: of the work, now or when it was done. `mismatch`: the name stands for something else. `under-way`: it is being done,
 * or its process died over it; nobody knows which. `failed`: no zone can hold the marker, and nothing was done.
 */
export type Once =
  | { readonly kind: 'answer'; readonly answer: KeptAnswer; readonly isAgain: boolean }
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'under-way' }
  | { readonly kind: 'failed' }

/** No client's (`mayUse`). */
const namespace = 'tidegate-once'
const keptMs = 10 * 60_000
/** A marker that a clock ahead of ours took back is seen at the first look, and set at the second. */
const looks = 3

interface Marker {
  readonly fingerprint: string
  readonly answer?: KeptAnswer
}

/**
 * Work that is done once however often it is asked for, by markers that all processes of a site see. The marker is set before
 * the work and holds its answer afterwards; a process that dies between leaves it as it is, and nobody does the work again
 * while it stands: at most once.
 */
export class OnceMarkers {
  readonly #options: OnceMarkersOptions

  constructor(options: OnceMarkersOptions) {
    this.#options = options
  }

  /** `fingerprint`: of all that the work depends on. An answer that changed nothing and may differ next time is not kept. */
  async run(name: string, fingerprint: string, work: () => Promise<KeptAnswer>): Promise<Once> {
    const set = await this.#set(name, { fingerprint })
    if (set.kind === 'failed') return { kind: 'failed' }
    if (set.kind === 'there') {
      if (set.marker?.fingerprint !== undefined && set.marker.fingerprint !== fingerprint) return { kind: 'mismatch' }
      const answer = set.marker?.answer
      return answer === undefined ? { kind: 'under-way' } : { kind: 'answer', answer, isAgain: true }
    }
    const answer = await work()
    await (isFinal(answer) ? this.#keep(name, set.stamp, { fingerprint, answer }) : this.#takeBack(name, set.stamp))
    return { kind: 'answer', answer, isAgain: false }
  }

  async #set(
    name: string,
    marker: Marker,
  ): Promise<{ kind: 'set'; stamp: Stamp } | { kind: 'there'; marker: Marker | undefined } | { kind: 'failed' }> {
    const { zones, stamps, deadlineMs } = this.#options
    for (let look = 0; look < looks; look++) {
      const stamp = stamps.next()
      const added = await zones.put(namespace, name, encode(marker), { mode: 'add', ttlMs: keptMs, stamp })
      if (added === 'stored') return { kind: 'set', stamp }
      if (added === 'failed') return { kind: 'failed' }
      const found = await zones.get(namespace, name, { deadlineMs })
      if (found.stamp !== undefined) stamps.see(found.stamp)
      if (found.kind === 'hit') return { kind: 'there', marker: decode(found.value) }
      if (added === 'exists') return { kind: 'there', marker: undefined }
    }
    return { kind: 'failed' }
  }

  /** If it cannot be kept the marker stays as it is, or is gone by the zones' rule for doubt; the answer is true all the same. */
  async #keep(name: string, stamp: Stamp, marker: Marker): Promise<void> {
    const { zones, stamps } = this.#options
    const value = encode(marker)
    if (value.length > valueLimitBytes) return
    await zones.put(namespace, name, value, { ifStamp: stamp, ttlMs: keptMs, stamp: stamps.next() })
  }

  async #takeBack(name: string, stamp: Stamp): Promise<void> {
    const { zones, stamps } = this.#options
    await zones.delete(namespace, name, { ifStamp: stamp, stamp: stamps.next() })
  }
}

/** Our own failures and quotas are no answers to keep: whoever asks again is to have another chance. */
const isFinal = ({ status }: KeptAnswer): boolean => status < 500 && status !== 429

const encode = (marker: Marker): Buffer => Buffer.from(JSON.stringify(marker))

function decode(bytes: Buffer): Marker | undefined {
  try {
    return JSON.parse(bytes.toString()) as Marker
  } catch {
    // Of a release that writes them otherwise: it stands, and nothing is known of it.
    return undefined
  }
}
