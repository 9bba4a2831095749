import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, ok, type RecordingUpstream, startRecordingUpstream } from '../../../support/recording-upstream.ts'
import { catalogOf, serviceFile } from '../../support/catalog.ts'
import { tidegateOf } from '../../support/cli.ts'
import { startControlPlane, type TestControlPlane } from '../../support/control-plane.ts'
import { FakeGateway } from '../../support/fake-gateway.ts'

let plane: TestControlPlane
let gateway: FakeGateway
let internal: RecordingUpstream
let answer: Answer

const said = (value: unknown): Answer => ok(JSON.stringify(value), ['content-type: application/json'])

beforeAll(async () => {
  plane = await startControlPlane()
  await plane.client.apply({ files: [...catalogOf(serviceFile('orders'))] })
  answer = said({})
  internal = await startRecordingUpstream(() => answer)
  gateway = await FakeGateway.start({ keys: plane.keys })
  gateway.internalUrl = internal.url
  await gateway.connect(plane.url)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await internal.close()
  await plane.stop()
})

const targetOf = ({ head }: { readonly head: string }): string | undefined => head.split(' ')[1]

const tidegate = (...argv: string[]) => tidegateOf(plane, argv)

describe('tidegate cache, of the caches of sites', () => {
  it('lists zones, and tells of a site that does not answer beside the others', async () => {
    answer = said({
      zones: [
        { zone: 'near', state: 'owing', owed: 3 },
        { zone: 'far', state: 'cold', owed: 0, emptySince: Date.UTC(2026, 0, 2, 3, 4, 5) },
      ],
    })
    const { code, out, told } = await tidegate('cache', 'zones')

    expect(out.split('\n').slice(1)).toEqual([
      'onprem  near  owing     3  -',
      'onprem  far   cold      0  2026-01-02 03:04:05Z',
    ])
    expect(told).toMatch(/^cloud did not answer: /)
    expect(code).toBe(1)
  })

  it('says where a key lies, whatever bytes it has', async () => {
    const before = internal.requests.length
    answer = said({
      namespace: 'legacy',
      key: 'a/b ü&c',
      zones: [
        {
          zone: 'near',
          node: '10.0.0.1:11211',
          result: 'hit',
          stamp: '42',
          bytes: 5,
          flags: 7,
          ttl: 60,
          staleSince: 1,
        },
        { zone: 'far', node: '10.0.0.2:11211', result: 'tombstone', stamp: '43' },
      ],
    })
    const { out } = await tidegate('cache', 'explain', 'a/b ü&c', '--namespace', 'legacy', '--site', 'onprem')

    const asked = await internal.received(before + 1)
    expect(targetOf(asked)).toBe('/gateway/v1/cache/item?ns=legacy&key=a%2Fb%20%C3%BC%26c')
    expect(out).toMatch(/onprem +near +10\.0\.0\.1:11211 +hit, stale +42/)
    expect(out).toMatch(/onprem +far +10\.0\.0\.2:11211 +tombstone +43/)
  })

  it('tells what each process has still to tell, and whom a site waits for', async () => {
    const before = internal.requests.length
    answer = said({
      site: 'onprem',
      destinations: [
        { to: 'cloud', invalidations: 12, values: 3, oldestAgeMs: 1500, namespaces: { shop: 12 }, dirty: ['shop'] },
      ],
      writers: [{ site: 'cloud', place: 'ab12', writer: 2, state: 'silent', silentMs: 9_000, debt: 1 }],
    })
    const { out, told, code } = await tidegate('cache', 'debt')

    expect(targetOf(await internal.received(before + 1))).toMatch(/^\/gateway\/v1\/cache\/debt(?:\?instance=\S+)?$/)
    expect(out).toMatch(/onprem +\S+ +cloud +12 +1500 ms +3 +shop/)
    expect(told).toBe('onprem waits for ab12 of cloud: silent, last heard 9 s ago')
    expect(code).toBe(0)
  })

  it('tells how warm a site is, or that the other one does not say', async () => {
    answer = said({
      namespace: 'legacy',
      sites: [
        { from: 'cloud', sampled: 200, present: 130, share: 0.65 },
        { from: 'far', sampled: 0, present: 0, away: true },
      ],
    })
    const { out, code } = await tidegate('cache', 'warmth', 'legacy', '--site', 'onprem')

    expect(out).toMatch(/onprem +cloud +200 +130 +65 %/)
    expect(out).toMatch(/onprem +far +no answer +- +-/)
    expect(code).toBe(0)
  })

  it('turns a zone, and gives up a process that will not come back', async () => {
    const before = internal.requests.length
    answer = said({})
    await tidegate('cache', 'zone', 'near', 'write-only', '--site', 'onprem')
    await tidegate('cache', 'abandon', 'ab12', '--site', 'onprem', '--of', 'cloud')

    const [first, second] = [await internal.received(before + 1), await internal.received(before + 2)]
    expect([targetOf(first), JSON.parse(first.body.toString())]).toEqual([
      '/gateway/v1/cache/zones/near',
      { state: 'write-only' },
    ])
    expect([targetOf(second), JSON.parse(second.body.toString())]).toEqual([
      '/gateway/v1/cache/abandon',
      { site: 'cloud', place: 'ab12' },
    ])
  })
})
