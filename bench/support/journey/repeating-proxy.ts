/** The proxy that Tidegate must never be: when an answer is slow in coming, it sends the request once more. */
import { once } from 'node:events'
import { request as call, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RepeatingProxy extends AsyncDisposable {
  readonly url: string
  /** Requests that went out twice. */
  readonly repeated: number
}

const bodyLimitBytes = 1024 * 1024

/** Takes each `every`th POST for lost and repeats it; the client sees nothing of it. */
export async function startRepeatingProxy(target: string, every: number): Promise<RepeatingProxy> {
  let posts = 0
  let repeated = 0
  const server = createServer((request, response) => {
    void pass(request, response).catch((cause: unknown) => {
      response.destroy(cause instanceof Error ? cause : undefined)
    })
  })

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    if (request.method === 'POST' && ++posts % every === 0) {
      repeated++
      const first = await send(target, request, body)
      first.resume()
      await once(first, 'end')
    }
    const answer = await send(target, request, body)
    response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    answer.pipe(response)
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get repeated() {
      return repeated
    },
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** With the headers as they came: the edge's mark covers method, host and target. */
async function send(target: string, request: IncomingMessage, body: Buffer): Promise<IncomingMessage> {
  const outgoing = call(new URL(request.url ?? '/', target), { method: request.method, headers: request.headers })
  outgoing.end(body)
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  return answer
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bodyLimitBytes) throw new Error(`a body above ${bodyLimitBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
