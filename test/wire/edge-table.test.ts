import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { EdgeStatus, TableOffer } from '#routes/messages.ts'
import { KeyRing } from '#routes/seal.ts'
import { eventually } from '../support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../support/fault-proxy.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.ts'
import { makeSealer, placement, placementSet, route, type Sealer, structure } from '../support/tables.ts'
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts'
import { type FakeControlPlane, ringFile, sendRaw, startControlPlane, statusOf } from './edge-bed.ts'
import { type PlatformEdge, startPlatformEdge } from './platform-edge.ts'
import { type PlatformStores, startPlatformStores } from './platform-stores.ts'

/** One isolate with Cloudflare's bindings on plain workerd, which enforces what belongs to which request. */

let folder: TemporaryFolder
let sealer: Sealer
let site: RecordingUpstream
let stores: PlatformStores
let plane: FakeControlPlane & { close(): Promise<void> }
let way: FaultProxy
let edge: PlatformEdge
let number = 10

beforeAll(async () => {
  folder = await temporaryFolder()
  sealer = await makeSealer()
  site = await startRecordingUpstream(() => ok('fine'))
  stores = await startPlatformStores()
  const controlRing = ringFile('edge-control')
  plane = await startControlPlane((await KeyRing.open(controlRing)) as KeyRing, 'away')
  way = await startFaultProxy(Number(new URL(plane.url).port))
  edge = await startPlatformEdge(
    {
      folder,
      name: 'edge-platform',
      sites: { onprem: site.port },
      tableKeys: { keys: [sealer.files] },
      gatewayRing: ringFile('edge-gateway'),
      controlRing,
      controlPlanePort: way.port,
      kvPort: stores.kv.port,
      cachePort: stores.cache.port,
      isolates: 1,
    },
    await offer(1),
  )
})
afterAll(async () => {
  await edge[Symbol.asyncDispose]()
  await Promise.all([plane.close(), way.close(), site.close()])
  await stores[Symbol.asyncDispose]()
  await folder[Symbol.asyncDispose]()
})
beforeEach(async () => {
  // Each test goes above what the cache holds from the one before.
  number += 10
  plane.say = 'away'
  await Promise.all([way, stores.kv, stores.cache].map((one) => one.set({ kind: 'none' })))
})

async function offer(of: number): Promise<TableOffer> {
  return {
    structure: await sealer.structure(structure([route('/v1/orders/**')])),
    placements: await sealer.placements(placementSet([placement('orders', { epoch: of })], { number: of })),
  }
}

async function writeKv(of: number): Promise<void> {
  stores.values.set('placements/test', JSON.stringify({ placements: (await offer(of)).placements }))
}

async function learntFromControlPlane(of: number): Promise<void> {
  plane.say = await offer(of)
  await edge.upload(await offer(1))
  await eventually(async () => (await held()) === of)
  await eventually(() => stores.cached().some((url) => url.endsWith('/table/test')))
  plane.say = 'away'
}

const status = async (): Promise<EdgeStatus> => (await edge.statuses())[0] as EdgeStatus
const held = async () => (await status()).held?.placements.number
const get = 'GET /v1/orders/1 HTTP/1.1\r\nHost: api.example.com\r\n\r\n'
const silent = { kind: 'black-hole' } as const

async function timed(): Promise<number> {
  const begun = performance.now()
  expect(statusOf(await sendRaw(edge.port, get))).toBe(200)
  return performance.now() - begun
}

describe('a new isolate on workerd', () => {
  it('Edge E2: starts from the newest of script, colo cache and KV while the control plane is away', async () => {
    await edge.upload(await offer(number))
    expect(await status()).toMatchObject({ source: 'bundle', held: { placements: { number } } })

    await writeKv(number + 1)
    await edge.upload(await offer(number))
    expect(await status()).toMatchObject({ source: 'kv', held: { placements: { number: number + 1 } } })

    await learntFromControlPlane(number + 2)
    await edge.upload(await offer(number))
    expect(await status()).toMatchObject({ source: 'colo-cache', held: { placements: { number: number + 2 } } })
  })

  it('Edge E2: serves when nobody says a word, and only its first request waits', async () => {
    await Promise.all([way, stores.kv, stores.cache].map((one) => one.set(silent)))
    await edge.upload(await offer(number))

    // The first was the question whether it is ready.
    const took = await Promise.all(Array.from({ length: 10 }, timed))
    expect(Math.max(...took)).toBeLessThan(700)
    expect(await held()).toBe(number)
    expect((await status()).ageMs).toBeUndefined()
  })

  it('Edge E1: refreshes although clients whose requests were to refresh have left', async () => {
    await way.set(silent)
    await edge.upload(await offer(number))
    for (let left = 0; left < 20; left++) {
      const socket = connect(edge.port, '127.0.0.1')
      socket.write(get)
      await eventually(() => socket.bytesWritten > 0)
      socket.resetAndDestroy()
    }
    plane.say = await offer(number + 1)
    await way.set({ kind: 'none' })

    await eventually(async () => (await held()) === number + 1, { deadlineMs: 3_500, everyMs: 50 })
  })

  it('Edge E1: none of many requests at once touches what another one began', async () => {
    plane.say = await offer(number + 1)
    await edge.upload(await offer(number))

    const answers = await Promise.all(Array.from({ length: 100 }, () => sendRaw(edge.port, get)))

    expect(answers.map(statusOf)).toEqual(Array(100).fill(200))
  })
})

describe('a running isolate on workerd', () => {
  it('Edge E1: is as quick with a control plane that accepts and never answers', async () => {
    plane.say = await offer(number)
    await edge.upload(await offer(number))
    await way.set(silent)

    // Longer than a refresh lasts: some of these requests have begun one.
    const took: number[] = []
    const until = performance.now() + 2_500
    while (performance.now() < until) took.push(await timed())

    expect(Math.max(...took)).toBeLessThan(700)
    expect(await held()).toBe(number)
  })

  it('adopts what the control plane says after a blackout within 1.5 s', async () => {
    await edge.upload(await offer(number))
    await Promise.all([way, stores.kv, stores.cache].map((one) => one.set(silent)))
    const traffic = { on: true }
    const running = (async () => {
      while (traffic.on) await timed()
    })()
    await eventually(async () => ((await status()).ageMs ?? 9_999) > 1_500, { everyMs: 100 })

    plane.say = await offer(number + 1)
    await way.set({ kind: 'none' })
    const backAt = performance.now()
    await eventually(async () => (await held()) === number + 1, { deadlineMs: 5_000, everyMs: 20 })
    const tookMs = performance.now() - backAt
    traffic.on = false
    await running

    expect(tookMs).toBeLessThan(1_500)
  })
})
