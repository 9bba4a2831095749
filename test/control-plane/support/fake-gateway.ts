/** A gateway as the control plane sees one: it registers, reads the stream, takes tables by the real door, acknowledges. */

import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { checkCall } from '#routes/call.ts'
import { type GatewayStatus, headers, type TableOffer } from '#routes/messages.ts'
import { receive } from '#routes/receive.ts'
import { heldNumbers, type Table } from '#routes/table.ts'
import { systemRandom } from '#server-kit/random.ts'
import { type CallOptions, signedFetch } from './control-plane.ts'
import type { TestKeys } from './keys.ts'

export interface FakeGatewayOptions {
  readonly keys: TestKeys
  readonly site?: string
  readonly instance?: string
  /** False: it takes tables and says nothing. Default true. */
  readonly acknowledges?: boolean
}

export class FakeGateway {
  readonly site: string
  readonly instance: string
  readonly offers: TableOffer[] = []
  table: Table | undefined
  writerId: number | undefined
  acknowledges: boolean
  internalUrl = ''
  readonly #keys: TestKeys
  readonly #server: Server
  #stream = new AbortController()
  #url = ''

  private constructor({
    keys,
    site = 'onprem',
    instance = systemRandom.id(),
    acknowledges = true,
  }: FakeGatewayOptions) {
    this.#keys = keys
    this.site = site
    this.instance = instance
    this.acknowledges = acknowledges
    this.#server = createServer((request, response) => {
      void this.#answer(request.method ?? '', request.url ?? '', request.headers[headers.call]).then(
        ({ status, body }) => {
          response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
        },
      )
    })
  }

  /** Its internal listener is up; it has not registered anywhere. */
  static async start(options: FakeGatewayOptions): Promise<FakeGateway> {
    const gateway = new FakeGateway(options)
    gateway.#server.listen(0, '127.0.0.1')
    await once(gateway.#server, 'listening')
    gateway.internalUrl = `http://127.0.0.1:${(gateway.#server.address() as AddressInfo).port}`
    return gateway
  }

  get path(): string {
    return `/api/v1/sites/${this.site}/gateways/${this.instance}`
  }

  get placementsNumber(): number {
    return this.table?.placements.number ?? 0
  }

  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Response> {
    return signedFetch(this.#url, this.#keys, method, path, body, options ?? {})
  }

  register(url: string): Promise<Response> {
    this.#url = url
    const held = this.table === undefined ? {} : { held: heldNumbers(this.table) }
    return this.call('PUT', this.path, {
      internalUrl: this.internalUrl,
      startedAt: Date.now(),
      version: '0.0.0',
      ...held,
    })
  }

  /** Registers and follows the stream until `disconnect`. */
  async connect(url: string): Promise<void> {
    const registered = await this.register(url)
    if (!registered.ok) throw new Error(`registration answered ${registered.status}: ${await registered.text()}`)
    this.writerId = ((await registered.json()) as { writerId: number }).writerId
    this.#stream = new AbortController()
    const stream = await this.call('GET', `${this.path}/table`, undefined, { signal: this.#stream.signal })
    if (!stream.ok || stream.body === null) throw new Error(`the stream answered ${stream.status}`)
    void this.#follow(stream.body)
  }

  async acknowledge(): Promise<Response | undefined> {
    if (this.table === undefined) return undefined
    return this.call('POST', `${this.path}/acknowledgement`, { held: heldNumbers(this.table), refusals: [] })
  }

  disconnect(): void {
    this.#stream.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disconnect()
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  async #follow(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder()
    let rest = ''
    try {
      for await (const chunk of body) {
        const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) await this.#take(block)
      }
    } catch {
      // The test has cut the stream, or the control plane has stopped.
    }
  }

  async #take(block: string): Promise<void> {
    const data = block.split('\n').find((line) => line.startsWith('data: '))
    if (data === undefined) return
    const offer = JSON.parse(data.slice(6)) as TableOffer
    this.offers.push(offer)
    this.table = (await receive(this.table, offer, this.#keys.keys.trusted)).table
    if (this.acknowledges) await this.acknowledge()
  }

  async #answer(method: string, target: string, signature: string | string[] | undefined) {
    const call = { method, target, body: new Uint8Array(), audience: `gateway:${this.site}` }
    const ring = this.#keys.keys.rings['control-gateway']
    const verdict = await checkCall(typeof signature === 'string' ? signature : undefined, call, ring, Date.now())
    if (verdict !== 'valid') return { status: 401, body: { verdict } }
    const { table } = this
    const status: GatewayStatus = {
      site: this.site,
      instance: this.instance,
      version: '0.0.0',
      state: 'ready',
      startedAt: 0,
      held: table && heldNumbers(table),
      refusals: [],
      ...(table && { documents: { structure: table.structure.sealed, placements: table.placements.sealed } }),
      controlPlane: { connected: true, since: 0 },
      cache: { zones: [], debt: { deletes: 0, sets: 0, oldestAgeMs: 0 } },
    }
    return { status: 200, body: status }
  }
}
