import { type Fetching, platform, type Sender } from './origin-client.ts'

/**
 * Cloudflare: the request as it is, Host kept, to the address of another name *of the same zone*. A name outside of the zone
 * is ignored there without a word (edge trap D14): `tidegate edge doctor` compares the site that answers.
 */
export function byResolveOverride(name: string, to: Fetching = platform): Sender {
  // Cloudflare's own member, which the types of other platforms do not know.
  const override: object = { cf: { resolveOverride: name } }
  return (request) => to.fetch(new Request(request, override))
}
