import type { Site } from '#routes/vocabulary.ts'

/**
 * Sends a request to the gateway of a site. Called after the decision. The answer is the gateway's, untouched; a
 * rejection means that none came, and says nothing about whether the site executed the request: a reset after delivery
 * looks like a refused connection (edge trap D3).
 */
export interface OriginClient {
  /** Sites that can be reached, the fallback first. `send` is called with no other. */
  readonly sites: readonly Site[]
  send(request: Request, site: Site): Promise<Response>
}

/** The way to one site: `origin-binding`, `origin-resolve` or `origin-url`. */
export type Sender = (request: Request) => Promise<Response>

/** Whatever fetches: a service binding, or the platform itself. */
export interface Fetching {
  fetch(request: Request): Promise<Response>
}

export const platform: Fetching = { fetch: (request) => fetch(request) }

export function originClient(senders: ReadonlyMap<Site, Sender>): OriginClient {
  return { sites: [...senders.keys()], send: (request, site) => (senders.get(site) as Sender)(request) }
}
