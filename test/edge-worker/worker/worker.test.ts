import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import { beforeAll, describe, expect, it } from 'vitest'
import { readMark } from '#routes/hop.ts'
import { headers, type TableOffer, tableHint } from '#routes/messages.ts'
import { KeyRing, type RingFile } from '#routes/seal.ts'
import type { Env } from '../../../edge-worker/bindings.ts'
import { OriginRecorded } from '../../../edge-worker/origin-recorded.ts'
import { edgeWorker } from '../../../edge-worker/worker.ts'
import { makeSealer, placement, placementSet, policy, route, type Sealer, structure } from '../../support/tables.ts'

const secret = 'A'.repeat(43)
const gatewayRing: RingFile = { purpose: 'edge-gateway', keys: [{ id: 'k1', secret }] }
const controlRing: RingFile = { purpose: 'edge-control', keys: [{ id: 'k1', secret }] }

let sealer: Sealer
beforeAll(async () => {
  sealer = await makeSealer()
})

const impatient = route('/v1/slow', { policy: { ...policy, timeout: { connectMs: 0, firstByteMs: 1, totalMs: 1 } } })

async function offer(number: number, owner: string): Promise<TableOffer> {
  return {
    structure: await sealer.structure(structure([route('/v1/orders/**'), impatient])),
    placements: await sealer.placements(placementSet([placement('orders', { owner, epoch: number })], { number })),
  }
}

/** A worker as it starts: its bundle, its gateways, and what its table source answers. */
class Bed {
  readonly origin: OriginRecorded
  readonly source: { answer: () => Promise<Response>; asked: number } = {
    answer: async () => new Response(null, { status: 304 }),
    asked: 0,
  }
  readonly #worker: ExportedHandler<Env>

  constructor(bundle: TableOffer, answer?: ConstructorParameters<typeof OriginRecorded>[1]) {
    this.origin = new OriginRecorded(['onprem', 'cloud'], answer)
    this.#worker = edgeWorker(bundle)
  }

  async fetch(request: Request): Promise<{ response: Response; settled: Promise<void> }> {
    const context = createExecutionContext()
    const site = (name: string) => ({ fetch: (sent: Request) => this.origin.send(sent, name) })
    const env = {
      PLATFORM: 'self-hosted',
      EDGE_NAME: 'edge-test',
      SITES: { onprem: 'binding:ONPREM', cloud: 'binding:CLOUD' },
      ONPREM: site('onprem'),
      CLOUD: site('cloud'),
      TABLE_KEYS: { keys: [sealer.files] },
      GATEWAY_RING: JSON.stringify(gatewayRing),
      CONTROL_RING: JSON.stringify(controlRing),
      TABLES: {
        fetch: () => {
          this.source.asked++
          return this.source.answer()
        },
      },
      TABLES_TOKEN: 'word',
    } as unknown as Env
    const response = await this.#worker.fetch?.(request as never, env, context)
    return { response: response as Response, settled: waitOnExecutionContext(context) }
  }
}

const get = (path: string, more: Record<string, string> = {}) =>
  new Request(`http://api.example.com${path}`, { headers: { host: 'api.example.com', ...more }, redirect: 'manual' })

describe('the worker', () => {
  it('sends a request to the owner that its bundle names, marked', async () => {
    const bed = new Bed(await offer(1, 'cloud'))
    const { response, settled } = await bed.fetch(get('/v1/orders/1?x=1'))

    expect(await response.text()).toBe('ok')
    await settled
    const [sent] = bed.origin.sent
    expect(sent?.site).toBe('cloud')
    const ring = (await KeyRing.open(gatewayRing)) as KeyRing
    const request = { method: 'GET', host: 'api.example.com', target: '/v1/orders/1?x=1' }
    const read = await readMark('edge', sent?.request.headers.get(headers.edge) ?? '', request, ring, Date.now())
    expect(read).toMatchObject({ ok: true, mark: { unit: 'orders', epoch: 1, because: 'steady' } })
  })

  it('goes to the first site with mark 0 while no table is there, and never errs', async () => {
    const bed = new Bed({})
    bed.source.answer = async () => new Response(null, { status: 503 })
    const { response, settled } = await bed.fetch(get('/v1/orders/../x'))
    await settled

    expect(response.status).toBe(200)
    expect(bed.origin.sent[0]?.site).toBe('onprem')
    expect(bed.origin.sent[0]?.request.headers.get(headers.edge)).toMatch(/;s=0;p=0;.*;w=no-table;/)
  })

  it('takes a hint of its gateway out of the answer and refreshes after it', async () => {
    const bed = new Bed(
      await offer(1, 'onprem'),
      () => new Response('ok', { headers: { [headers.table]: tableHint(1, 2), 'x-own': '1' } }),
    )
    await (await bed.fetch(get('/v1/orders/1'))).settled
    const newer = JSON.stringify(await offer(2, 'cloud'))
    bed.source.answer = async () => new Response(newer)
    await scheduler.wait(100)

    const { response, settled } = await bed.fetch(get('/v1/orders/1'))
    await settled
    expect(response.headers.has(headers.table)).toBe(false)
    expect(response.headers.get('x-own')).toBe('1')

    await (await bed.fetch(get('/v1/orders/1'))).settled
    expect(bed.origin.sent.map(({ site }) => site)).toEqual(['onprem', 'onprem', 'cloud'])
  })

  it('gives the very answer of the gateway when there is nothing to remove', async () => {
    const answer = new Response('ok', { status: 201 })
    const { response, settled } = await new Bed(await offer(1, 'onprem'), () => answer).fetch(get('/v1/orders/1'))
    await settled

    expect(response).toBe(answer)
  })

  it('leaves a redirect to the client and a body to the gateway', async () => {
    const bed = new Bed(await offer(1, 'onprem'), () => Response.redirect('http://elsewhere.test/', 307))
    const post = new Request('http://api.example.com/v1/orders', { method: 'POST', body: 'text' })
    const { response, settled } = await bed.fetch(post)
    await settled

    expect(response.status).toBe(307)
    expect(bed.origin.sent[0]?.request.redirect).toBe('manual')
    expect(await bed.origin.sent[0]?.request.text()).toBe('text')
  })

  it('answers 504 when the gateway does not begin to answer in time', { timeout: 10_000 }, async () => {
    const never = (request: Request) =>
      new Promise<Response>((_, reject) =>
        request.signal.addEventListener('abort', () => reject(request.signal.reason)),
      )
    const bed = new Bed(await offer(1, 'onprem'), never)
    const { response, settled } = await bed.fetch(get('/v1/slow'))
    await settled

    expect(response.status).toBe(504)
    expect(await response.json()).toMatchObject({ code: 'origin-timeout' })
  })

  it('answers 502 when no gateway answers', async () => {
    const bed = new Bed(await offer(1, 'onprem'), () => Promise.reject(new Error('Network connection lost.')))
    const { response, settled } = await bed.fetch(get('/v1/orders/1'))
    await settled

    expect(response.status).toBe(502)
    expect(await response.text()).not.toContain('Network')
  })

  it('serves many first requests of an isolate at once, each by itself (E1)', async () => {
    const bed = new Bed(await offer(1, 'cloud'))
    const answers = await Promise.all(Array.from({ length: 50 }, () => bed.fetch(get('/v1/orders/1'))))
    await Promise.all(answers.map(({ settled }) => settled))

    expect(answers.every(({ response }) => response.status === 200)).toBe(true)
    expect(new Set(bed.origin.sent.map(({ site }) => site))).toEqual(new Set(['cloud']))
    expect(bed.source.asked).toBe(1)
  })
})
