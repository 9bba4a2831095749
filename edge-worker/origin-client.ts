import type { Site } from '#routes/vocabulary.ts'

/**
 * Sends a request to the gateway of a site. Called once a request, after the decision. The answer is the gateway's,
 * untouched; a rejection means that none came, and says nothing about whether the site executed the request: a reset
 * after delivery looks like a refused connection (edge trap D3).
 */
export interface OriginClient {
  /** Sites that can be reached, the fallback first. `send` is called with no other. */
  readonly sites: readonly Site[]
  send(request: Request, site: Site): Promise<Response>
}

/** Whatever fetches: a service binding, or the platform itself. */
export interface Fetching {
  fetch(request: Request): Promise<Response>
}
