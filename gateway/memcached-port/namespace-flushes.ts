import type { Log } from '#server-kit/log.ts'
import { noExpiry } from '../store/cache-store.ts'
import { readExpiry } from './expiry.ts'
import type { PortStore } from './port-store.ts'

export interface NamespaceFlushesOptions {
  readonly store: PortStore
  readonly log: Log
}

/** Until a flush that no zone took is tried again, ms. */
const againMs = 1_000
/** Node's timers hold no more. */
const timerLimitMs = 0x7fffffff

/**
 * `flush_all`: a new generation of the namespace. With a delay it comes when that has passed, if this process lives so long;
 * the next flush of the namespace takes its place, as in memcached.
 */
export class NamespaceFlushes {
  readonly #options: NamespaceFlushesOptions
  /** At most one a namespace of the configuration. */
  readonly #timers = new Map<string, NodeJS.Timeout>()
  #closed = false

  constructor(options: NamespaceFlushesOptions) {
    this.#options = options
  }

  /** False: no zone took it, and nothing was flushed. */
  async flush(namespace: string, seconds: number): Promise<boolean> {
    const { store } = this.#options
    clearTimeout(this.#timers.get(namespace))
    this.#timers.delete(namespace)
    const delayMs = seconds <= 0 ? 'over' : readExpiry(seconds, store.clock.now())
    if (delayMs === 'over' || delayMs === noExpiry) return (await store.bump(namespace)) === 'applied'
    this.#later(namespace, delayMs)
    return true
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  #later(namespace: string, delayMs: number): void {
    if (this.#closed) return
    const { store, log } = this.#options
    const timer = setTimeout(
      async () => {
        if (delayMs > timerLimitMs) return this.#later(namespace, delayMs - timerLimitMs)
        const outcome = await store.bump(namespace)
        // Another flush of the namespace may have come meanwhile.
        if (this.#timers.get(namespace) !== timer) return
        this.#timers.delete(namespace)
        if (outcome === 'applied') return
        log.warn({ namespace, againMs }, 'a delayed flush_all was taken by no zone and is tried again')
        this.#later(namespace, againMs)
      },
      Math.min(delayMs, timerLimitMs),
    )
    timer.unref()
    this.#timers.set(namespace, timer)
  }
}
