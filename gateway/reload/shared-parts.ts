interface Kept {
  readonly part: unknown
  readonly close: () => Promise<void>
  leases: number
}

/**
 * Parts that one generation of the pipeline hands to the next while what they are made from is the same: a changed log
 * level must not cost a site its connections to services, nor what is known of their health.
 */
export class SharedParts {
  readonly #kept = new Map<string, Kept>()

  /** What one generation holds. */
  lease(): Lease {
    return new Lease(this.#kept)
  }

  get size(): number {
    return this.#kept.size
  }
}

export class Lease {
  readonly #kept: Map<string, Kept>
  readonly #held = new Map<string, Kept>()

  constructor(kept: Map<string, Kept>) {
    this.#kept = kept
  }

  /**
   * The part that another generation made from equal `settings` (compared as JSON), else a new one. It is closed when the
   * last generation that took it is released.
   */
  take<Part>(name: string, settings: unknown, open: () => Part, close: (part: Part) => Promise<void>): Part {
    const key = `${name} ${JSON.stringify(settings)}`
    let kept = this.#held.get(key) ?? this.#kept.get(key)
    if (kept === undefined) {
      const part = open()
      kept = { part, close: () => close(part), leases: 0 }
      this.#kept.set(key, kept)
    }
    if (!this.#held.has(key)) {
      this.#held.set(key, kept)
      kept.leases++
    }
    return kept.part as Part
  }

  /** Closes what no other generation holds. A part that fails to close does not keep the others open; it is thrown last. */
  async release(): Promise<void> {
    const last = [...this.#held].filter(([key, kept]) => {
      kept.leases--
      // A new one of the same settings must not find one that is closing.
      return kept.leases === 0 && this.#kept.delete(key)
    })
    this.#held.clear()
    const ended = await Promise.allSettled(last.map(([, kept]) => kept.close()))
    for (const end of ended) if (end.status === 'rejected') throw end.reason
  }
}
