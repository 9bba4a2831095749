import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCatalog } from '#routes/catalog.ts'
import { compile } from '#routes/compile.ts'
import { printFault } from '#routes/fault.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

const document = `openapi: 3.0.3
servers: [{ url: https://api.example.com/v1 }]
paths:
  /orders:
    post:
      operationId: createOrder
      requestBody: { required: true, content: { application/json: { schema: { $ref: "#/components/schemas/Order" } } } }
  /orders/{orderId}:
    get:
      parameters:
        - { name: orderId, in: path, required: true, schema: { $ref: "#/components/schemas/Id" } }
        - { name: part, in: query, schema: { $ref: "#/components/schemas/Parts" } }
        - { name: X-Shop, in: header, required: true, schema: { type: string, enum: [north, south] } }
components:
  schemas:
    Id: { type: integer, minimum: 0, exclusiveMinimum: true }
    Parts: { type: array, maxItems: 2, items: { $ref: "#/components/schemas/Id" } }
    Order:
      type: object
      required: [id, items]
      properties:
        id: { allOf: [{ $ref: "#/components/schemas/Id" }], readOnly: true }
        note: { type: string, nullable: true }
        items: { type: array, items: { $ref: "#/components/schemas/Item" } }
    Item:
      type: object
      required: [sku]
      properties: { sku: { type: string }, parts: { type: array, items: { $ref: "#/components/schemas/Item" } } }
`

let bed: Bed
let upstream: RecordingUpstream
let gateway: RunningGateway

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream(() => ok('{}', ['content-type: application/json']))
  const validate = '{ openapi: openapi/orders.openapi.yaml }'
  const read = readCatalog([
    {
      file: 'sites.yaml',
      text: 'sites: [{ name: onprem, origin: "http://127.0.0.1:1" }]\nhosts: [{ name: localhost }]\n',
    },
    { file: 'teams.yaml', text: 'teams: [{ name: team-a }]\n' },
    { file: 'openapi/orders.openapi.yaml', text: document },
    {
      file: 'services/orders.yaml',
      text: `service: orders
owner: team-a
deployments: { onprem: { url: "${upstream.url}" } }
routes:
  - { path: /v1/orders, methods: [POST], auth: public, maxBody: 64KiB, validate: ${validate} }
  - { path: "/v1/orders/{id}", methods: [GET], auth: public, validate: ${validate} }
`,
    },
  ])
  if (!read.ok) throw new Error(read.faults.map(printFault).join('\n'))
  const compiled = compile(read.catalog, { number: 1 })
  if (!compiled.ok) throw new Error(compiled.faults.map(printFault).join('\n'))
  expect(compiled.warnings).toEqual([])
  await bed.writeTable('table', compiled.structure, placementSet([]))
  gateway = await bed.start('onprem', { table: { file: 'table' } })
}, 60_000)

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await upstream.close()
})

async function asked(path: string, init: RequestInit): Promise<unknown[]> {
  const answer = await fetch(gateway.public + path, init)
  const { code, pointer } = (await answer.json()) as { code?: string; pointer?: string }
  return [answer.status, code, pointer]
}

const post = (body: unknown) =>
  asked('/v1/orders', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
const get = (path: string, shop = 'north') => asked(`/v1/orders/${path}`, { headers: { 'x-shop': shop } })

describe('a route of an OpenAPI operation', () => {
  it('lets its service have what the document describes', async () => {
    const count = upstream.requests.length

    expect(await post({ items: [{ sku: 'a', parts: [{ sku: 'b' }] }], note: null })).toEqual([
      200,
      undefined,
      undefined,
    ])
    expect(await get('7?part=1&part=2')).toEqual([200, undefined, undefined])

    await upstream.received(count + 2)
  })

  it.each([
    [{}, '/body/items'],
    [{ items: [], note: 5 }, '/body/note'],
    [{ items: [{ sku: 'a', parts: [{ sku: 1 }] }] }, '/body/items/0/parts/0/sku'],
  ])('answers the body %j with 400 and a pointer to what is wrong', async (body, pointer) => {
    const count = upstream.requests.length

    expect(await post(body)).toEqual([400, 'body-invalid', pointer])

    expect(upstream.requests.length).toBe(count)
  })

  it('asks for its body', async () => {
    expect(await asked('/v1/orders', { method: 'POST' })).toEqual([400, 'body-invalid', '/body'])
  })

  it.each([
    ['0', 'north', '/path/id'],
    ['x', 'north', '/path/id'],
    ['7?part=1&part=x', 'north', '/query/part/1'],
    ['7?part=1&part=2&part=3', 'north', '/query/part'],
    ['7', 'east', '/headers/x-shop'],
  ])('answers the parameters of %s in the shop %s with 400', async (path, shop, pointer) => {
    expect(await get(path, shop)).toEqual([400, 'body-invalid', pointer])
  })
})
