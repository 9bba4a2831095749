/** The control plane, as commands ask it. */
import { type Client, createClient } from '../api-client/client.ts'
import { problems } from './errors.ts'

export interface Connection {
  readonly url: string
  readonly token: string
  /** For an answer to begin. Default 30,000. */
  readonly timeoutMs?: number
}

/** Refusals, and that nobody answers, are thrown as `ApiProblem`. */
export function connect({ url, token, timeoutMs = 30_000 }: Connection): Client {
  return createClient({ url, token, timeoutMs, fetch: jsonFetch })
}

/** A captive portal, a proxy's page, another program on the port: what is not JSON is no control plane. */
const jsonFetch: typeof fetch = async (input, init) => {
  const answer = await fetch(input, init)
  const type = answer.headers.get('content-type') ?? 'no content type'
  if (answer.ok && answer.status !== 204 && !/\bjson\b/.test(type)) {
    await answer.body?.cancel()
    throw problems['answer-malformed']({ type })
  }
  return answer
}
