import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { checkCall } from '#routes/call.ts'
import type { Acknowledgement, Counters, GatewayRegistration, TableOffer } from '#routes/messages.ts'
import type { KeyRing } from '#routes/seal.ts'

/** What a gateway sees of a control plane, and what it told it. */
export interface FakeControlPlane extends AsyncDisposable {
  readonly url: string
  readonly registrations: GatewayRegistration[]
  readonly acknowledgements: Acknowledgement[]
  readonly counters: Counters[]
  readonly deregistered: string[]
  /** Calls whose signature did not verify. */
  readonly refused: string[]
  readonly streams: number
  /** Instances that were declared gone: each of their calls is answered 410. */
  readonly removed: Set<string>
  /** Sent to every open stream now, and to each later one at once. */
  offer(offer: TableOffer): void
  /** Any text as the data of an offer. */
  offerText(text: string): void
  stop(): Promise<void>
}

export async function startFakeControlPlane(ring: KeyRing, port = 0): Promise<FakeControlPlane> {
  const registrations: GatewayRegistration[] = []
  const acknowledgements: Acknowledgement[] = []
  const counters: Counters[] = []
  const deregistered: string[] = []
  const refused: string[] = []
  const streams = new Set<ServerResponse>()
  const removed = new Set<string>()
  let latest: string | undefined

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = Buffer.concat(chunks)
    const { method = '', url = '' } = request
    const signature = String(request.headers['x-tidegate-call'])
    const verdict = await checkCall(
      signature,
      { method, target: url, body, audience: 'control-plane' },
      ring,
      Date.now(),
    )
    if (verdict !== 'valid') {
      refused.push(`${method} ${url} ${verdict}`)
      response.writeHead(401).end()
      return
    }
    if (removed.has(url.split('/')[6] ?? '')) {
      response.writeHead(410).end()
      return
    }
    const value = () => JSON.parse(body.toString())
    if (method === 'GET' && url.endsWith('/table')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(': ping\n\n')
      streams.add(response)
      response.on('close', () => streams.delete(response))
      if (latest !== undefined) response.write(`event: offer\ndata: ${latest}\n\n`)
      return
    }
    if (url.endsWith('/acknowledgement')) acknowledgements.push(value())
    else if (url.endsWith('/counters')) counters.push(value())
    else if (method === 'PUT') registrations.push(value())
    else if (method === 'DELETE') deregistered.push(url)
    if (method === 'PUT') response.end(JSON.stringify({ writerId: 7 }))
    else response.writeHead(204).end()
  }
  const server = createServer((request, response) => void serve(request, response))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')

  const offerText = (text: string): void => {
    latest = text
    for (const stream of streams) stream.write(`event: offer\ndata: ${text}\n\n`)
  }
  const stop = async (): Promise<void> => {
    server.closeAllConnections()
    if (!server.listening) return
    server.close()
    await once(server, 'close')
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    registrations,
    acknowledgements,
    counters,
    deregistered,
    refused,
    removed,
    get streams() {
      return streams.size
    },
    offer: (offer) => offerText(JSON.stringify(offer)),
    offerText,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}
