import type { Site } from '#routes/vocabulary.ts'
import type { Fetching, OriginClient } from './origin-client.ts'

/** One service binding a site: the connection goes where the host says, and the client's Host stays as it is. */
export class OriginBinding implements OriginClient {
  readonly sites: readonly Site[]
  readonly #bound: ReadonlyMap<Site, Fetching>

  constructor(bound: ReadonlyMap<Site, Fetching>) {
    this.sites = [...bound.keys()]
    this.#bound = bound
  }

  send(request: Request, site: Site): Promise<Response> {
    return (this.#bound.get(site) as Fetching).fetch(request)
  }
}
