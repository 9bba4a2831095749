import type { Stamp } from '../store/cache-store.ts'

/** What one process tells the others of its site, so that none goes on answering from its own memory. */
export interface CacheEvent {
  readonly kind: 'tag' | 'scope' | 'all' | 'key'
  readonly namespace: string
  /** Of the tag, the scope or the key; '' for `all`. */
  readonly name: string
  readonly stamp: Stamp
}

/** Who keeps answers in this process. Called in the turn in which the event is known here; must not throw. */
export interface CacheEventListener {
  heard(event: CacheEvent): void
  /** Events may have been missed: of all that is kept, nothing is known to be right. */
  missed(): void
}

/** PORT: invalidations between the processes of one site. */
export interface EventChannel {
  /**
   * Whether all that another process announced until `hearingMs` ago has been heard here. While it is false, and from then
   * on for all that was kept until then, no memory of this process may answer. Asked for each read: cheap, never throws.
   */
  readonly live: boolean
  /** `channel.listen(outdating(memory))`; gives the way to end it. */
  listen(listener: CacheEventListener): () => void
  /**
   * Tells the listeners of this process at once, and the other processes. Called when the invalidation is durable in the
   * store, or they would fetch what it removes again. Resolves when Redis has it, and in any case soon: an event that is
   * lost is a gap, which they notice. Never rejects.
   */
  announce(event: CacheEvent): Promise<void>
  close(): Promise<void>
}

/** Of a process that is alone at its site, as its configuration says (`live`), or that has no way to hear others. */
export class OwnChannel implements EventChannel {
  readonly live: boolean
  readonly #listeners = new Set<CacheEventListener>()

  constructor({ alone }: { readonly alone: boolean }) {
    this.live = alone
  }

  listen(listener: CacheEventListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async announce(event: CacheEvent): Promise<void> {
    for (const listener of this.#listeners) listener.heard(event)
  }

  async close(): Promise<void> {}
}

/** Keeps a memory of this process right by what the channel tells. */
export function outdating(memory: Outdatable): CacheEventListener {
  return {
    heard: ({ kind, namespace, name, stamp }) => {
      if (kind === 'all') memory.bump(namespace, stamp)
      else if (kind === 'key') memory.outdate(namespace, name, stamp)
      else memory.invalidate(namespace, kind, name, stamp)
    },
    missed: () => memory.empty(),
  }
}

/** What `MemoryLayer` offers for it. */
interface Outdatable {
  bump(namespace: string, stamp: Stamp): void
  outdate(namespace: string, key: string, stamp: Stamp): void
  invalidate(namespace: string, kind: 'tag' | 'scope', name: string, stamp: Stamp): void
  empty(): void
}
