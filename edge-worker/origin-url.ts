import { hostOf, targetOf } from './facts.ts'
import { type Fetching, platform, type Sender } from './origin-client.ts'

/**
 * The site's URL in place of the client's: for `wrangler dev` and gateways outside of the zone. Host changes with it, so the
 * client's own travels in `x-forwarded-host`, which a gateway believes only beside a valid mark.
 */
export function byUrl(place: URL, to: Fetching = platform): Sender {
  return (request) => {
    const moved = new Request(place.origin + targetOf(request.url), request)
    moved.headers.set('x-forwarded-host', hostOf(request))
    return to.fetch(moved)
  }
}
