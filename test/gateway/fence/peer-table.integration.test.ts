import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { freePort, freePorts } from '../../support/free-port.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { makeSealer, placementSet, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream
let peer: RunningGateway
const services = () => [
  service('orders', {
    deployments: ['onprem', 'cloud'].map((site) => ({ site, url: upstream.url })),
  }),
]

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream(async () => ok('hello'))
  await bed.writeTable(
    'table',
    structure([route('/v1/**')], { services: services(), number: 4 }),
    placementSet([], { number: 7 }),
  )
  peer = await bed.start('cloud', { table: { file: 'table' } })
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await upstream.close()
})

/** A control plane that is away: nobody listens at its address. */
async function alone(name: string, internal: string, more: Record<string, unknown> = {}) {
  return {
    home: bed.folder.file(name),
    controlPlane: { url: `http://127.0.0.1:${await freePort()}` },
    peers: { cloud: { public: 'http://127.0.0.1:9', internal } },
    ...more,
  }
}

describe('a new gateway whose control plane is away', () => {
  it('serves from its first moment by the table of a peer', async () => {
    const yaml = await alone('home-new', peer.internal)
    const gateway = await bed.start('onprem', yaml)

    expect((await fetch(`${gateway.public}/v1/x`)).status).toBe(200)

    expect(gateway.process.output()).toContain('a peer gave its table')
    const { held } = (await (await gateway.ask('/gateway/v1/status')).json()) as { held: unknown }
    expect(held).toMatchObject({ structure: { number: 4 }, placements: { number: 7 } })
  })

  it('asks until a peer comes, and serves from then on', async () => {
    const [internal = 0, open = 0] = await freePorts(2)
    const gateway = await bed.start('onprem', await alone('home-early', `http://127.0.0.1:${internal}`))
    expect((await fetch(`${gateway.public}/v1/x`)).status).toBe(503)

    const listen = { public: `127.0.0.1:${open}`, internal: `127.0.0.1:${internal}` }
    await bed.start('cloud', { table: { file: 'table' }, listen })

    await eventually(async () => (await fetch(`${gateway.public}/v1/x`)).status === 200, { deadlineMs: 10_000 })
  })

  it('does not believe a peer whose table another key has signed', async () => {
    const { id, publicKey } = (await makeSealer('t9')).files
    await writeFile(bed.folder.file('other-keys.json'), JSON.stringify({ keys: [{ id, publicKey }] }))
    const keys = {
      tables: 'other-keys.json',
      peers: 'keys/gateway-gateway.json',
      control: 'keys/control-gateway.json',
    }

    const gateway = await bed.start('onprem', await alone('home-wary', peer.internal, { keys }))

    expect((await fetch(`${gateway.public}/v1/x`)).status).toBe(503)
    const { refusals } = (await (await gateway.ask('/gateway/v1/status')).json()) as { refusals: unknown[] }
    expect(refusals).not.toEqual([])
  })
})
