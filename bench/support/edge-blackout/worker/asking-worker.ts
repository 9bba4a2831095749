/** For the negative control: an edge that asks for its table before each request, as one writes it first. */
import type { Env } from '../../../../edge-worker/bindings.ts'
import worker from '../../../../edge-worker/worker.ts'

const limitMs = 800

export default {
  async fetch(request, env, context) {
    try {
      await fetch(`${env.CONTROL_PLANE_URL}/api/v1/edge/table`, { signal: AbortSignal.timeout(limitMs) })
    } catch {
      // The table that it has must do: only the waiting is what this is for.
    }
    return (worker.fetch as ExportedHandlerFetchHandler<Env>)(
      request as Request<unknown, IncomingRequestCfProperties>,
      env,
      context,
    )
  },
} satisfies ExportedHandler<Env>
