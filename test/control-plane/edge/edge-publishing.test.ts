import { describe, expect, it } from 'vitest'
import { createLog } from '#server-kit/log.ts'
import { flipUnit } from '../../../control-plane/moves/change-unit.ts'
import { type ApiFault, CloudflareApiFake } from '../../support/cloudflare-api.ts'
import { eventually } from '../../support/eventually.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { startControlPlane } from '../support/control-plane.ts'
import { FakeGateway } from '../support/fake-gateway.ts'
import { startFakeZone } from '../support/fake-zone.ts'
import { writeKeys } from '../support/keys.ts'
import { builtFor } from '../support/publishing-bed.ts'

async function started(fault: () => ApiFault = () => ({ kind: 'none' })) {
  const stack = new AsyncDisposableStack()
  const folder = stack.use(await temporaryFolder())
  const keys = await writeKeys(folder.file)
  const fake = stack.use(await CloudflareApiFake.start({ fault }))
  const zone = stack.use(await startFakeZone(fake, keys.keys.rings['edge-control']))
  const lines: string[] = []
  const plane = await startControlPlane({
    keys,
    env: { CLOUDFLARE_API_TOKEN: fake.token },
    log: createLog({ program: 'test', level: 'debug', destination: { write: (line) => lines.push(line) } }),
    buildEdgeScript: async (table) => builtFor(table),
    config: {
      cloudflare: {
        account: fake.account,
        script: fake.script,
        token: '${env:CLOUDFLARE_API_TOKEN}',
        host: zone.url,
        kvNamespace: fake.namespace,
        api: fake.api,
      },
    },
  })
  stack.defer(() => plane.stop())
  await plane.client.apply({ files: [...catalogOf(serviceFile('orders'))] })
  return { plane, fake, zone, lines, key: 'placements/test', [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

type Bed = Awaited<ReturnType<typeof started>>

/** One after the other, to and fro; how long each took. */
async function flips({ plane }: Bed, count: number): Promise<readonly number[]> {
  const author = { actor: 'eve', via: 'api', reason: 'a test', requestId: '', at: Date.now(), seen: undefined } as const
  const times: number[] = []
  for (let flip = 0; flip < count; flip++) {
    const begun = performance.now()
    await flipUnit(plane.controlPlane.plane, 'orders', { to: flip % 2 === 0 ? 'cloud' : 'onprem' }, author)
    times.push(performance.now() - begun)
  }
  return times
}

const median = (times: readonly number[]) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0

describe('a control plane that publishes to Cloudflare', () => {
  it('publishes its first catalog at once, and its placements in KV', async () => {
    await using bed = await started()

    await eventually(() => bed.fake.written(bed.key).length > 0)
    await eventually(async () => (await bed.plane.client.status()).cloudflare?.script.newest?.state === 'at-5-percent')

    const { cloudflare } = await bed.plane.client.status()
    expect(cloudflare).toMatchObject({
      script: { health: 'working' },
      kv: { health: 'working', written: 1, wanted: 1 },
    })
    expect(bed.fake.serving).toEqual(
      expect.arrayContaining([expect.stringMatching(/ 5$/), expect.stringMatching(/ 95$/)]),
    )
  })

  it('writes KV at most once a second for 500 flips, and the newest of them in the end', async () => {
    await using bed = await started()
    const begun = performance.now()

    await flips(bed, 500)
    const number = bed.plane.controlPlane.plane.feed.placements?.number ?? 0
    const newest = () => bed.fake.written(bed.key).at(-1)?.includes(`\\"number\\":${number},`) === true
    await eventually(newest, { deadlineMs: 20_000 })

    const seconds = (performance.now() - begun) / 1_000
    expect(number).toBeGreaterThanOrEqual(500)
    expect(bed.fake.written(bed.key).length).toBeLessThanOrEqual(seconds / 1.1 + 2)
    const writes = bed.fake.calls.filter((call) => call.startsWith('PUT'))
    expect(writes).toHaveLength(bed.fake.written(bed.key).length)
  }, 60_000)

  it.each<[string, ApiFault]>([
    ['never answers', { kind: 'hang' }],
    ['fails', { kind: 'status', status: 500 }],
    ['refuses the token', { kind: 'status', status: 403 }],
  ])('flips as fast as ever while the API %s', async (_, fault) => {
    await using well = await started()
    await using ill = await started(() => fault)

    const usual = median(await flips(well, 60))
    const times = await flips(ill, 60)

    expect(median(times)).toBeLessThan(Math.max(3 * usual, 30))
    expect((await ill.plane.client.unit('orders')).placement.owner).toBe('onprem')
  })

  it('tells its versions also while the API never answers', async () => {
    await using bed = await started(() => ({ kind: 'hang' }))

    const { deployed, because } = await bed.plane.client.edgeVersions()

    expect(deployed).toBeUndefined()
    expect(because).toBe('it has not answered within 5000 ms')
  }, 20_000)

  it('judges by what all gateways report of requests and marks', async () => {
    await using bed = await started()
    await using gateway = await FakeGateway.start({ keys: bed.plane.keys })
    await gateway.connect(bed.plane.url)
    const { clock, edgeEvidence } = bed.plane.controlPlane.plane
    const begun = clock.now()

    const row = { unit: 'orders', epoch: 1, reads: 6, writes: 2, forwarded: 1, failed: 3 }
    const report = {
      at: begun,
      adoption: [],
      traffic: [row],
      marks: { requests: 8, skewed: 1, mismatched: 2 },
      debt: { deletes: 0, sets: 0, oldestAgeMs: 0 },
    }
    const { marks: _, ...older } = report
    expect((await gateway.call('POST', `${gateway.path}/counters`, report)).status).toBe(204)
    expect((await gateway.call('POST', `${gateway.path}/counters`, older)).status).toBe(204)

    const sums = edgeEvidence.between(begun - 10_000, begun + 60_000)
    expect(sums).toEqual({ requests: 16, failed: 6, marked: 8, skewed: 3 })
  })

  it('tells its token nowhere: not in logs, status, versions, audit or metrics', async () => {
    const faults: ApiFault[] = [{ kind: 'status', status: 403 }]
    await using bed = await started(() => faults[0] ?? { kind: 'none' })
    await eventually(async () => (await bed.plane.client.status()).cloudflare?.script.health === 'halted')

    const told = await Promise.all(
      ['/api/v1/status', '/api/v1/edge/versions', '/api/v1/audit', '/metrics'].map(async (path) =>
        (await bed.plane.fetch(path)).text(),
      ),
    )

    expect(told.join()).toContain('tidegate_edge_channel_state{channel="script",state="halted"} 1')
    expect(bed.lines.join()).toContain('Cloudflare refuses the token')
    expect([...told, ...bed.lines].join()).not.toContain(bed.fake.token)
  })

  it('goes on after a restart with what its journal says', async () => {
    await using folder = await temporaryFolder()
    const keys = await writeKeys(folder.file)
    await using fake = await CloudflareApiFake.start()
    await using zone = await startFakeZone(fake, keys.keys.rings['edge-control'])
    const cloudflare = {
      account: fake.account,
      script: fake.script,
      token: '${env:CLOUDFLARE_API_TOKEN}',
      host: zone.url,
      api: fake.api,
    }
    const options = {
      keys,
      home: folder.file('home'),
      env: { CLOUDFLARE_API_TOKEN: fake.token },
      buildEdgeScript: async (table: object) => builtFor(table),
      config: { cloudflare },
    }
    const first = await startControlPlane(options)
    await first.client.apply({ files: [...catalogOf(serviceFile('orders'))] })
    await eventually(async () => (await first.client.status()).cloudflare?.script.newest?.state === 'at-5-percent')
    await first.stop()

    const second = await startControlPlane(options)
    try {
      expect((await second.client.status()).cloudflare?.script.newest?.state).toBe('at-5-percent')
      const before = zone.asked.length
      await eventually(() => zone.asked.length > before)
      expect(fake.versions).toHaveLength(2)
    } finally {
      await second.stop()
    }
  })
})
