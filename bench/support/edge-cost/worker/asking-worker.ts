/** What the edge must never be: before each request it asks how old the table is, and waits for the answer. */
import type { Env } from '../../../../edge-worker/bindings.ts'
import worker from '../../../../edge-worker/worker.ts'

export default {
  async fetch(request, env, context) {
    const authorization = `Bearer ${env.TABLES_TOKEN}`
    const told = await env.TABLES?.fetch(new Request('http://tables/status', { headers: { authorization } }))
    await told?.text()
    return (worker.fetch as ExportedHandlerFetchHandler<Env>)(
      request as Request<unknown, IncomingRequestCfProperties>,
      env,
      context,
    )
  },
} satisfies ExportedHandler<Env>
