import type {
  CacheStore,
  DeleteOptions,
  DeleteOutcome,
  GetOptions,
  Hit,
  InvalidateOptions,
  ItemTags,
  Miss,
  PutOptions,
  PutOutcome,
  TouchOptions,
  TouchOutcome,
  ZoneHealth,
} from '../store/cache-store.ts'
import type { CacheEvent, EventChannel } from './event-channel.ts'
import { answersPrefix } from './purge.ts'

/**
 * The zones of a site, whose invalidations the other processes of the site are told of once they are durable, wherever they
 * came from: an operator, an unsafe method, another site. Only answers are kept in processes, so only theirs are told.
 */
export class AnnouncedStore implements CacheStore {
  readonly #inner: CacheStore
  readonly #channel: EventChannel

  constructor(inner: CacheStore, channel: EventChannel) {
    this.#inner = inner
    this.#channel = channel
  }

  prepare(namespace: string, tags: ItemTags): Promise<void> {
    return this.#inner.prepare(namespace, tags)
  }

  get(namespace: string, key: string, options: GetOptions): Promise<Hit | Miss> {
    return this.#inner.get(namespace, key, options)
  }

  put(namespace: string, key: string, value: Buffer, options: PutOptions): Promise<PutOutcome> {
    return this.#inner.put(namespace, key, value, options)
  }

  /** Told to nobody: it is the same value still. What processes keep of it lives a second at most. */
  touch(namespace: string, key: string, options: TouchOptions): Promise<TouchOutcome> {
    return this.#inner.touch(namespace, key, options)
  }

  async delete(namespace: string, key: string, options: DeleteOptions): Promise<DeleteOutcome> {
    const outcome = await this.#inner.delete(namespace, key, options)
    // Also after a failure: it may have been applied, and forgetting is never wrong.
    await this.#tell({ kind: 'key', namespace, name: key, stamp: options.stamp })
    return outcome
  }

  async invalidate(
    namespace: string,
    kind: 'tag' | 'scope',
    name: string,
    options: InvalidateOptions,
  ): Promise<'applied' | 'failed'> {
    const outcome = await this.#inner.invalidate(namespace, kind, name, options)
    await this.#tell({ kind, namespace, name, stamp: options.stamp })
    return outcome
  }

  async bump(namespace: string, options: InvalidateOptions): Promise<'applied' | 'failed'> {
    const outcome = await this.#inner.bump(namespace, options)
    await this.#tell({ kind: 'all', namespace, name: '', stamp: options.stamp })
    return outcome
  }

  health(): readonly ZoneHealth[] {
    return this.#inner.health()
  }

  async close(): Promise<void> {
    await this.#channel.close()
    await this.#inner.close()
  }

  async #tell(event: CacheEvent): Promise<void> {
    if (event.namespace.startsWith(answersPrefix)) await this.#channel.announce(event)
  }
}
