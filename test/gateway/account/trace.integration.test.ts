import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed } from '../bed.ts'

interface SentSpan {
  traceId: string
  spanId: string
  parentSpanId: string
  name: string
}

let bed: Bed
let orders: RecordingUpstream
let collector: Server
let table: string
const spans: SentSpan[] = []

beforeAll(async () => {
  bed = await openBed()
  orders = await startRecordingUpstream(() => ok('fine'))
  collector = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += String(chunk)
    const body = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[] }
    for (const resource of body.resourceSpans) for (const scope of resource.scopeSpans) spans.push(...scope.spans)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  }).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const services = [service('orders', { deployments: [{ site: 'onprem', url: orders.url }] })]
  table = await bed.writeTable('table', structure([route('/v1/orders/{id}')], { services }), placementSet([]))
})
afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await orders.close()
  collector.close()
})

const sent = async (count: number) => {
  const { head } = await orders.received(count)
  return /^traceparent: (.*)\r$/im.exec(head)?.[1]
}
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const given = `00-${traceId}-00f067aa0ba902b7-01`

describe('the trace of a request', () => {
  it('passes as it came, and is made where there is none', async () => {
    const gateway = await bed.start('onprem', { table: { file: table }, trace: { sample: 1 } })

    await fetch(`${gateway.public}/v1/orders/1`, { headers: { traceparent: given, tracestate: 'a=1' } })
    expect(await sent(1)).toBe(given)
    await fetch(`${gateway.public}/v1/orders/1`)
    expect(await sent(2)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
    await fetch(`${gateway.public}/v1/orders/1`, { headers: { traceparent: 'nonsense' } })
    expect(await sent(3)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)
  }, 30_000)

  it('has a span of ours between client and service, where a collector is told', async () => {
    const { port } = collector.address() as AddressInfo
    const otlp = `http://127.0.0.1:${port}/v1/traces`
    const gateway = await bed.start('onprem', { table: { file: table }, trace: { otlp } })
    const before = orders.requests.length

    await fetch(`${gateway.public}/v1/orders/7?token=secret`, { headers: { traceparent: given } })
    const next = await sent(before + 1)

    await eventually(() => spans.length === 1)
    expect(spans[0]).toMatchObject({ traceId, parentSpanId: '00f067aa0ba902b7', name: 'GET /v1/orders/{id}' })
    expect(next).toBe(`00-${traceId}-${spans[0]?.spanId}-01`)
    expect(JSON.stringify(spans)).not.toContain('secret')
  }, 30_000)
})
