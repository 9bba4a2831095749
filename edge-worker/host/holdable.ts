/** Runs inside workerd: the worker as self-hosted edges serve it, and a door by which the supervisor holds its requests. */

/** Longest hold: a supervisor that forgets a process must not stop it for good. */
const longestMs = 1_000
const lookMs = 5

type Handler<Env, Context> = (request: Request, env: Env, context: Context) => Response | Promise<Response>

interface Waiting {
  waitUntil(work: Promise<unknown>): void
}

/**
 * workerd closes on SIGTERM every connection on which it waits for a request, also when that request lies unread in the
 * socket: under load some are lost. A request in flight is answered, with `Connection: close`. So a process that is to go
 * holds its requests for a moment first: whoever uses it is then in flight, and who waits is served by its successor.
 */
export function holdable<Env extends { readonly TABLES_TOKEN?: string }, Context extends Waiting>(worker: {
  readonly fetch: Handler<Env, Context>
}) {
  let heldUntilMs = 0
  const traffic: Handler<Env, Context> = async (request, env, context) => {
    await waited()
    const answer = await worker.fetch(request, env, context)
    // An answer that goes out now would leave its connection waiting for a request.
    await waited()
    return answer
  }
  /** Looks by timers of its own: a request must not await what another one made (edge trap E1). */
  const waited = async (): Promise<void> => {
    while (Date.now() < heldUntilMs) await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
  /** Answers at once, and holds until the body of the question ends. */
  const hold: Handler<Env, Context> = (request, { TABLES_TOKEN: token }, context) => {
    if (token === undefined || request.headers.get('authorization') !== `Bearer ${token}`)
      return new Response(null, { status: 401 })
    heldUntilMs = Date.now() + longestMs
    const echo = new TransformStream()
    const release = () => {
      heldUntilMs = 0
    }
    context.waitUntil((request.body?.pipeTo(echo.writable) ?? echo.writable.close()).then(release, release))
    return new Response(echo.readable)
  }
  return { traffic: { fetch: traffic }, hold: { fetch: hold } }
}
