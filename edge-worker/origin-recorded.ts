import type { Site } from '#routes/vocabulary.ts'
import type { OriginClient } from './origin-client.ts'

type Answer = (request: Request, site: Site) => Response | Promise<Response>

/** Keeps what was sent and answers what a test wrote. */
export class OriginRecorded implements OriginClient {
  readonly sites: readonly Site[]
  readonly sent: { readonly site: Site; readonly request: Request }[] = []
  readonly #answer: Answer

  constructor(sites: readonly Site[], answer: Answer = () => new Response('ok')) {
    this.sites = sites
    this.#answer = answer
  }

  async send(request: Request, site: Site): Promise<Response> {
    this.sent.push({ site, request })
    return this.#answer(request, site)
  }
}
