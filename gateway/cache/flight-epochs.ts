import { LRUCache } from 'lru-cache'
import type { Stamp } from '../store/cache-store.ts'
import { stampMs } from '../store/stamp.ts'
import type { CacheEvent, CacheEventListener } from './event-channel.ts'
import type { Lookup } from './found.ts'

/** Resources and namespaces whose last invalidation is known by itself; beyond it all flights are told apart once more. */
const mostKnown = 16_384
/** What was invalidated longer ago is forgotten without a trace, ms: hardly a fetch from before it is under way still. */
const longestFetchMs = 600_000

/**
 * Tells requests that came after an invalidation from those before it. What a fetch brings that began before is stale when it
 * is stored (U6); whoever wrote or purged in between must not be given it either, just because it was still under way.
 */
export class FlightEpochs implements CacheEventListener {
  readonly #resources: LRUCache<string, Stamp>
  /** Of whatever is wider than one resource: an answer's own tags are not known before it comes. */
  readonly #namespaces: LRUCache<string, Stamp>
  #life = 0
  #newest: Stamp = 0n

  constructor(most = mostKnown) {
    // What is forgotten too early could make an old flight look like a new one.
    const isEarly = (stamp: Stamp) => stampMs(this.#newest) - stampMs(stamp) < longestFetchMs
    const dispose = (stamp: Stamp, _: string, why: string) => why === 'evict' && isEarly(stamp) && this.missed()
    const forgetting = { max: most, dispose }
    this.#resources = new LRUCache(forgetting)
    this.#namespaces = new LRUCache(forgetting)
  }

  heard({ kind, namespace, name, stamp }: CacheEvent): void {
    if (kind === 'key') return
    const isResource = kind === 'tag' && name.startsWith('u:')
    const [known, at] = isResource ? [this.#resources, `${namespace}/${name}`] : [this.#namespaces, namespace]
    if (this.#newest < stamp) this.#newest = stamp
    if ((known.get(at) ?? 0n) < stamp) known.set(at, stamp)
  }

  missed(): void {
    this.#life++
  }

  /** The same text for two requests between which nothing was invalidated that concerns them; '' as long as nothing was. */
  of({ key, tags }: Pick<Lookup, 'key' | 'tags'>): string {
    const { namespace } = key
    const [resource = ''] = tags.exact
    const own = this.#resources.get(`${namespace}/${resource}`)
    const wide = this.#namespaces.get(namespace)
    if (own === undefined && wide === undefined && this.#life === 0) return ''
    return `|after ${this.#life} ${wide ?? ''} ${own ?? ''}`
  }
}
