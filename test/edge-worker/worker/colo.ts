/** Isolates of one colo with the runtime's own KV, Cache API and waitUntil; control plane and gateways are the test's. */
import { env as bound, createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { vi } from 'vitest'
import { type Call, signCall } from '#routes/call.ts'
import { type EdgeStatus, headers, paths, type TableOffer } from '#routes/messages.ts'
import { KeyRing, type RingFile } from '#routes/seal.ts'
import type { Env } from '../../../edge-worker/bindings.ts'
import { OriginRecorded } from '../../../edge-worker/origin-recorded.ts'
import { edgeWorker } from '../../../edge-worker/worker.ts'
import { makeSealer, placement, placementSet, route, type Sealer, structure } from '../../support/tables.ts'

const secret = 'A'.repeat(43)
const ringFile = (purpose: RingFile['purpose']): RingFile => ({ purpose, keys: [{ id: 'k1', secret }] })
const { PLACEMENTS: kv } = bound as unknown as { PLACEMENTS: KVNamespace }

export interface Answered {
  readonly response: Response
  /** What the platform kept running after the answer. */
  readonly settled: Promise<void>
  readonly tookMs: number
}

let colos = 0

export class Colo {
  /** The cache of the local runtime outlives a test, as that of a colo outlives an isolate: each test has its own part. */
  readonly environment = `test-${++colos}`
  readonly sealer: Sealer
  polls = 0
  /** Bindings in place of those of Cloudflare. */
  more: Record<string, unknown> = {}
  /** What the control plane answers next; the promise belongs to the request that asked. */
  controlPlane: (signal: AbortSignal) => Promise<Response> = away

  private constructor(sealer: Sealer) {
    this.sealer = sealer
    vi.spyOn(globalThis, 'fetch').mockImplementation((request) => {
      this.polls++
      return this.controlPlane((request as Request).signal)
    })
  }

  static async open(): Promise<Colo> {
    return new Colo(await makeSealer())
  }

  /** An isolate that was started with the table of this number. */
  async isolate(script: number): Promise<Isolate> {
    return new Isolate(this, await this.offer(script))
  }

  async offer(number: number): Promise<TableOffer> {
    const owner = number % 2 === 0 ? 'cloud' : 'onprem'
    return {
      structure: await this.sealer.structure(structure([route('/v1/orders/**')])),
      placements: await this.sealer.placements(
        placementSet([placement('orders', { owner, epoch: number })], { number }),
      ),
    }
  }

  async controlPlaneSays(number: number): Promise<void> {
    const text = JSON.stringify(await this.offer(number))
    this.controlPlane = async () => new Response(text)
  }

  async writeKv(number: number): Promise<void> {
    const { placements } = await this.offer(number)
    await this.writeRawKv(JSON.stringify({ placements }))
  }

  async writeRawKv(text: string): Promise<void> {
    await kv.put(`placements/${this.environment}`, text)
  }

  get bindings(): Record<string, unknown> {
    return {
      PLATFORM: 'cloudflare',
      EDGE_NAME: 'edge-test',
      TABLE_KEYS: { keys: [this.sealer.files] },
      GATEWAY_RING: ringFile('edge-gateway'),
      CONTROL_RING: ringFile('edge-control'),
      CONTROL_PLANE_URL: 'http://plane.test',
      EDGE_ENVIRONMENT: this.environment,
      PLACEMENTS: kv,
      CF_VERSION_METADATA: { id: 'version-7' },
      ...this.more,
    }
  }
}

export class Isolate {
  readonly #colo: Colo
  readonly #worker: ExportedHandler<Env>
  readonly origin: OriginRecorded
  /** What gateways answer next. */
  answer: (request: Request, site: string) => Response | Promise<Response> = () => new Response('ok')

  constructor(colo: Colo, bundle: TableOffer) {
    this.#colo = colo
    this.#worker = edgeWorker(bundle)
    this.origin = new OriginRecorded(['onprem', 'cloud'], (request, site) => this.answer(request, site))
  }

  async fetch(path = '/v1/orders/1', init: RequestInit = {}): Promise<Answered> {
    const context = createExecutionContext()
    const site = (name: string) => ({ fetch: (sent: Request) => this.origin.send(sent, name) })
    const sites = {
      SITES: { onprem: 'binding:ONPREM', cloud: 'binding:CLOUD' },
      ONPREM: site('onprem'),
      CLOUD: site('cloud'),
    }
    const env = { ...this.#colo.bindings, ...sites } as unknown as Env
    const request = new Request(`http://api.example.com${path}`, { ...init, cf: { colo: 'FRA' } } as RequestInit)
    const begun = performance.now()
    const response = (await this.#worker.fetch?.(request as never, env, context)) as Response
    return { response, settled: waitOnExecutionContext(context), tookMs: performance.now() - begun }
  }

  async served(): Promise<void> {
    await (await this.fetch()).settled
  }

  /** Asks an own endpoint with a valid signature, but for what is said otherwise. */
  async call(
    path: string,
    signed: Partial<Call> & { readonly at?: number; readonly by?: RingFile['purpose'] } = {},
  ): Promise<Response> {
    const { at = Date.now(), by = 'edge-control', ...call } = signed
    const ring = (await KeyRing.open(ringFile(by))) as KeyRing
    const asked = { method: 'GET', target: path, body: new Uint8Array(), audience: 'edge', ...call }
    const value = await signCall(asked, ring, at, crypto.randomUUID())
    const { response, settled } = await this.fetch(path, { headers: { [headers.call]: value } })
    await settled
    return response
  }

  async status(): Promise<EdgeStatus> {
    return (await this.call(`${paths.edge}/status`)).json()
  }

  /** Number and origin of the table that it holds. */
  async holds(): Promise<[number | undefined, string]> {
    const { held, source } = await this.status()
    return [held?.placements.number, source]
  }
}

export function away(): Promise<never> {
  return Promise.reject(new TypeError('Network connection lost.'))
}

export function hangs(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
}
