import type { Site } from '#routes/vocabulary.ts'
import type { Background } from '#server-kit/background.ts'
import type { Clock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import type { Counter, Histogram } from '#server-kit/metrics.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Crossing } from '../fence/fence.ts'
import type { CacheStore, Stamp } from '../store/cache-store.ts'
import { CachedRoutes } from './cached-routes.ts'
import { cacheNamespace } from './key.ts'
import { invalidated } from './policy/invalidates.ts'
import { applyPurge } from './purge.ts'
import { groupTag, resourceHost, uriTags } from './tag-names.ts'

export const unsafeOutcomes = ['applied', 'late', 'failed'] as const
export const unsafeBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5]

export interface UnsafeInvalidationOptions {
  readonly store: CacheStore
  readonly newStamp: () => Stamp
  /** An answer waits no longer for it, ms. */
  readonly limitMs: number
  readonly clock: Clock
  readonly background: Background
  readonly log: Log
  readonly outcomes: Counter<'outcome'>
  readonly seconds: Histogram<never>
}

/** Names in one answer beyond which whole namespaces are invalidated: it costs fetches, and a name left out would cost truth. */
const mostNames = 256

type Names = Map<string, Set<string>>

/**
 * What an answer to an unsafe or unknown method makes untrue (N1, N5): its target, Location, Content-Location and groups,
 * each under the rules of the routes that a GET of it may be answered by.
 */
export class UnsafeInvalidation {
  readonly #options: UnsafeInvalidationOptions

  constructor(options: UnsafeInvalidationOptions) {
    this.#options = options
  }

  /** To be awaited before the answer is sent; undefined where nothing that is stored can be concerned. Never rejects. */
  after(x: Exchange, answer: Answer): Promise<void> | undefined {
    const names = concerned(x, answer)
    return names && this.#within(x, this.#invalidate(names))
  }

  /** The same for what another site executed: this one may hold answers that its reads are still given. */
  crossing(inner: Crossing): Crossing {
    return {
      send: async (x: Exchange, to: Site) => {
        const answer = await inner.send(x, to)
        await this.after(x, answer)
        return answer
      },
    }
  }

  async #invalidate(names: Names): Promise<void> {
    const { store, newStamp } = this.#options
    const stamp = newStamp()
    let count = 0
    for (const tags of names.values()) count += tags.size
    const all = count > mostNames
    const purges = Array.from(names, ([namespace, tags]) =>
      applyPurge(store, { namespace, all, tags: [...tags], scopes: [], keys: [] }, stamp),
    )
    await Promise.all(purges)
  }

  /**
   * The write has been executed whatever becomes of the cache: an error in place of its answer would make its client send
   * it again. So the answer goes out, and the failure is told; zones that did not take the invalidation owe it and are not
   * read for what they owe until they have.
   */
  async #within(x: Exchange, work: Promise<void>): Promise<void> {
    const { limitMs, clock, background, log, outcomes, seconds } = this.#options
    const startedMs = clock.monotonic()
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(resolve, limitMs, 'late')
    })
    const settled = work.then(
      () => 'applied' as const,
      // Told below, as what it is for this request.
      () => 'failed' as const,
    )
    const outcome = await Promise.race([settled, late])
    clearTimeout(timer)
    outcomes.inc({ outcome })
    seconds.observe({}, (clock.monotonic() - startedMs) / 1_000)
    if (outcome === 'late') background.run('finish an invalidation', settled)
    if (outcome === 'applied') return
    const { requestId, method } = x
    log.warn({ requestId, method, outcome, limitMs }, 'an answer went out before what it makes untrue was invalidated')
  }
}

/** By namespace; undefined: nothing. One look at the method for most requests. */
function concerned(x: Exchange, answer: Answer): Names | undefined {
  const { table, method } = x
  if (isSafe(method) || table === undefined || answer.problem !== undefined) return undefined
  const routes = CachedRoutes.of(table)
  if (routes.none) return undefined
  const { uris, groups } = invalidated(method, `${x.scheme}://${x.host}${x.target}`, answer)
  if (uris.length === 0 && groups.length === 0) return undefined
  const host = resourceHost(table, x.host)
  const names: Names = new Map()
  for (const uri of uris) {
    const path = uri.slice(uri.indexOf('/', uri.indexOf('//') + 2))
    for (const [service, own] of Map.groupBy(routes.answering(host, path), (route) => route.service)) {
      const tags = tagsIn(names, service)
      for (const tag of uriTags(table, uri, own) ?? []) tags.add(tag)
    }
  }
  // Groups are of an origin, whichever services stand behind it.
  if (groups.length > 0) {
    for (const service of routes.servicesOn(host)) {
      const tags = tagsIn(names, service)
      for (const group of groups) tags.add(groupTag(host, group))
    }
  }
  return names.size === 0 ? undefined : names
}

function tagsIn(names: Names, service: string): Set<string> {
  const namespace = cacheNamespace(service)
  let tags = names.get(namespace)
  if (tags === undefined) {
    tags = new Set()
    names.set(namespace, tags)
  }
  return tags
}

const isSafe = (method: string): boolean =>
  method === 'GET' || method === 'HEAD' || method === 'OPTIONS' || method === 'TRACE' || method === 'QUERY'
