import type { Site } from '#routes/vocabulary.ts'
import { hostOf, targetOf } from './facts.ts'
import type { Fetching, OriginClient } from './origin-client.ts'

/**
 * The site's URL in place of the client's: for `wrangler dev` and tests. Host changes with it, so the client's own
 * travels in `x-forwarded-host`, which a gateway believes only beside a valid mark.
 */
export class OriginUrl implements OriginClient {
  readonly sites: readonly Site[]
  readonly #places: ReadonlyMap<Site, URL>
  readonly #platform: Fetching

  constructor(places: ReadonlyMap<Site, URL>, platform: Fetching = { fetch: (request) => fetch(request) }) {
    this.sites = [...places.keys()]
    this.#places = places
    this.#platform = platform
  }

  send(request: Request, site: Site): Promise<Response> {
    const place = this.#places.get(site) as URL
    const moved = new Request(place.origin + targetOf(request.url), request)
    moved.headers.set('x-forwarded-host', hostOf(request))
    return this.#platform.fetch(moved)
  }
}
