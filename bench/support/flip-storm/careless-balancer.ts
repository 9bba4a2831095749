/**
 * What flips are like without us: balancers that look up the site now and then, each at its own time and straight to the
 * service, and that try a POST again when its answer seems lost.
 */
import { once } from 'node:events'
import { request as call, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface CarelessBalancer extends AsyncDisposable {
  readonly url: string
  /** Where everything is to go from now on; each balancer learns of it at its next look. */
  flip(site: string): void
}

const lookEveryMs = 600
const balancers = 2
const repeatedPosts = 50

/** `consumerOf`: what the gateway would have told the service about who asks. */
export async function startCarelessBalancer(
  services: Readonly<Record<string, string>>,
  first: string,
  consumerOf: (authorization: string) => string,
): Promise<CarelessBalancer> {
  let wanted = first
  const believed = Array.from({ length: balancers }, () => first)
  const looking = balancersLook((at) => {
    believed[at] = wanted
  })
  let turn = 0
  let posts = 0
  const server = createServer((request, response) => {
    void pass(request, response).catch((cause: unknown) => {
      response.destroy(cause instanceof Error ? cause : undefined)
    })
  })

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const target = services[believed[turn++ % balancers] as string] as string
    const headers = {
      ...request.headers,
      'x-tidegate-consumer': consumerOf(request.headers.authorization ?? ''),
    }
    const send = async (): Promise<IncomingMessage> => {
      const outgoing = call(new URL(request.url ?? '/', target), { method: request.method, headers })
      outgoing.end(body)
      const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
      return answer
    }
    if (request.method === 'POST' && ++posts % repeatedPosts === 0) (await send()).resume()
    const answer = await send()
    response.once('close', () => answer.destroy())
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    answer.pipe(response)
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    flip: (site) => {
      wanted = site
    },
    [Symbol.asyncDispose]: async () => {
      looking.abort()
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** One after the other within the second: what one knows, the next one learns later. */
function balancersLook(look: (at: number) => void): AbortController {
  const looking = new AbortController()
  let at = 0
  const timer = setInterval(() => look(at++ % balancers), lookEveryMs / balancers)
  looking.signal.addEventListener('abort', () => clearInterval(timer))
  return looking
}
