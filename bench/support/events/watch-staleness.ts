import { setTimeout as pause } from 'node:timers/promises'
import type { EventSite } from './event-site.ts'
import type { Item } from './items.ts'

/** Looks at one site, from outside, until what an event named is gone from all of its zones. */
export class StalenessWatch {
  readonly #site: EventSite
  readonly #open = new Map<Item, number>()
  /** From the sending of the event until the value was seen to be gone, ms. */
  readonly staleMs: number[] = []
  #running: Promise<void>
  #ending = false

  constructor(site: EventSite) {
    this.#site = site
    this.#running = this.#run()
  }

  /** An event of it leaves now. */
  expect(item: Item): void {
    this.#open.set(item, performance.now())
  }

  /** Resolves when all is gone, or after so long; gives how many are not. */
  async end(deadlineMs: number): Promise<number> {
    const until = performance.now() + deadlineMs
    while (this.#open.size > 0 && performance.now() < until) await pause(20)
    this.#ending = true
    await this.#running
    const now = performance.now()
    for (const sentMs of this.#open.values()) this.staleMs.push(now - sentMs)
    return this.#open.size
  }

  async #run(): Promise<void> {
    while (!this.#ending) {
      const asked = [...this.#open.keys()]
      const old = new Set(await this.#site.old(asked))
      const now = performance.now()
      for (const item of asked) {
        if (old.has(item)) continue
        this.staleMs.push(now - (this.#open.get(item) ?? now))
        this.#open.delete(item)
      }
      await pause(2)
    }
  }
}
