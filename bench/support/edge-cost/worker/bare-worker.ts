/** The least that a worker before an origin can do: what the runtime itself costs, and nothing of ours. */
import type { Fetching } from '../../../../edge-worker/origin-client.ts'

export default {
  fetch: (request, env) => env.SITE_0.fetch(request),
} satisfies ExportedHandler<{ readonly SITE_0: Fetching }>
