import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import type { TableOffer } from '#routes/messages.ts'
import type { Table } from '#routes/table.ts'
import { silentLog } from '#server-kit/log.ts'
import type { EdgeConfig } from '../../edge-worker/host/config.ts'
import { type SelfHostedEdge, selfHostedEdge } from '../../edge-worker/host/self-hosted-edge.ts'
import {
  makeSealer,
  placement,
  placementSet,
  policy,
  route,
  type Sealer,
  service,
  structure,
  tableOf,
} from '../support/tables.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { type Asked, type Question, summary } from './decisions-worker.ts'
import { ringFile } from './edge-bed.ts'

const routes = [
  route('/v1/orders/{id}', { methods: ['GET'] }),
  route('/v1/orders/{id}:cancel', { methods: ['POST'] }),
  route('/v1/orders/**'),
  route('/v1/users/{id}', { service: 'users' }),
  route('/v1/users/{id}/carts/{cart}', { service: 'carts', policy: { ...policy, effect: 'read' } }),
  route('/v1/users/{id}', {
    service: 'users',
    unit: 'users.near',
    when: [
      { from: 'country', test: 'oneOf', value: ['AT', 'DE'] },
      { from: 'header:x-app-version', test: 'version', value: '>=4.2 <5' },
    ],
  }),
  route('/v1/users/{id}', { service: 'users', when: [{ from: 'query:v', test: 'equals', value: 'a b' }] }),
  route('/v1/users/{id}', { service: 'users', when: [{ from: 'cookie:device', test: 'exists', value: false }] }),
  route('/v1/carts/**', { service: 'carts', policy: { ...policy, accepts: ['encoded-slash', 'double-slash'] } }),
  route('/files/**', { service: 'files', host: '*.example.com' }),
  route('/', { service: 'files', host: 'api.example.com' }),
]
const hosts = [
  { name: 'api.example.com', aliases: ['localhost'], unsafeTargets: 'reject' as const },
  { name: '*.example.com', aliases: [], unsafeTargets: 'observe' as const, defaultSite: 'cloud' },
]
const services = ['orders', 'users', 'carts', 'files'].map((id) => service(id, { state: 'per-key' }))
const placements = [
  placement('orders', { epoch: 3, moving: { to: 'cloud', reads: 5_000, writes: 2_500 } }),
  placement('users', { epoch: 9, owner: 'cloud' }),
  placement('files', { epoch: 4, moving: { to: 'cloud', reads: 5_000, writes: 0 }, key: ['sticky', 'address'] }),
  placement('carts', {
    epoch: 2,
    moving: { to: 'cloud', reads: 100, writes: 0 },
    key: ['param:cart', 'cookie:device', 'claim:sub', 'address'],
  }),
]

const pieces = fc.constantFrom(
  '/',
  'v1',
  'orders',
  'users',
  'carts',
  'files',
  '17',
  ':cancel',
  '%2F',
  '%2f',
  '%6F',
  '%zz',
  '%',
  '..',
  '.',
  ';x=1',
  '?',
  '?v=a%20b',
  '&v=',
  '%25%32%65',
  '\\',
  '#',
  '\u00e9',
  '%C0%AF',
  '+',
  '~',
  '%7E',
  'Z',
)
const targets = fc.array(pieces, { maxLength: 12 }).map((parts) => `/${parts.join('')}`)
const questions: fc.Arbitrary<Question> = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'DELETE', 'QUERY', 'OPTIONS', 'get'),
  host: fc.constantFrom(
    'api.example.com',
    'API.example.com:8080',
    'a.b.example.com',
    'example.com.',
    'localhost',
    '[::1]:80',
    '',
  ),
  target: fc.oneof(
    { weight: 9, arbitrary: targets },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  ),
  country: fc.constantFrom('DE', 'FR', undefined),
  sticky: fc.constantFrom('key-1', 'key-2', 'a,b', '', undefined),
  headers: fc.record(
    {
      'x-app-version': fc.constantFrom('4.2', '4.10.1', '5', 'é'),
      'x-device-id': fc.string({ maxLength: 12 }),
      authorization: fc.constantFrom('Bearer abc', 'bearer a,b', 'Basic eDp5'),
      cookie: fc.constantFrom('device=7', 'a=1; device=9', 'a=1, device=8'),
    },
    { requiredKeys: [] },
  ),
})

let edge: SelfHostedEdge
let folder: TemporaryFolder
let sealer: Sealer
let offer: TableOffer
let table: Table

beforeAll(async () => {
  sealer = await makeSealer()
  offer = {
    structure: await sealer.structure(structure(routes, { hosts, services })),
    placements: await sealer.placements(placementSet(placements)),
  }
  table = await tableOf(structure(routes, { hosts, services }), placementSet(placements), sealer)
  folder = await temporaryFolder()
  const config: EdgeConfig = {
    file: 'edge.yaml',
    files: [],
    name: 'edge-test',
    listen: { host: '127.0.0.1', port: 0 },
    workers: 1,
    memoryCeilingBytes: 512_000_000,
    home: folder.path,
    controlPlaneUrl: 'http://127.0.0.1:9',
    tableKeys: { keys: [sealer.files] },
    gatewayRing: ringFile('edge-gateway'),
    controlRing: ringFile('edge-control'),
    sites: { onprem: { url: 'http://127.0.0.1:9' } },
    trustedClientIpHeader: undefined,
    trustedCountryHeader: undefined,
    admin: undefined,
    drainMs: 1_000,
    logLevel: 'info',
  }
  const entry = fileURLToPath(new URL('./decisions-worker.ts', import.meta.url))
  edge = await selfHostedEdge(config, () => 'test', silentLog, entry)
  await edge.lifecycle.start()
})
afterAll(async () => {
  await edge.lifecycle.stop('the test ends')
  await folder[Symbol.asyncDispose]()
})

async function inWorkerd(asked: readonly Question[]): Promise<string[]> {
  const { id, publicKey } = sealer.files
  const body: Asked = { offer, keys: [{ id, publicKey }], questions: asked }
  const response = await fetch(`http://${edge.supervisor.address}/`, { method: 'POST', body: JSON.stringify(body) })
  return (await response.json()) as string[]
}

const inNode = (asked: readonly Question[]): string[] =>
  asked.map(({ headers, ...rest }) => summary(decide(table, { ...rest, header: (name) => headers[name] })))

describe('the decision of an edge', () => {
  it('is the same in workerd as in Node for a hundred thousand generated requests', async () => {
    const seed = Date.now() % 1_000_000
    console.log(`seed ${seed}`)
    for (let batch = 0; batch < 10; batch++) {
      const asked = fc.sample(questions, { numRuns: 10_000, seed: seed + batch })

      expect(await inWorkerd(asked)).toEqual(inNode(asked))
    }
  })

  it('is shown by this comparison where it differs', async () => {
    const asked = fc.sample(questions, { numRuns: 1_000, seed: 1 })
    const other = asked.map((question) => ({ ...question, host: 'a.example.com' }))

    expect(await inWorkerd(asked)).not.toEqual(inNode(other))
  })
})
