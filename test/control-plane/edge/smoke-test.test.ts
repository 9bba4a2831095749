import { afterAll, describe, expect, it } from 'vitest'
import type { KeyRing } from '#routes/seal.ts'
import { systemClock } from '#server-kit/clock.ts'
import { systemRandom } from '#server-kit/random.ts'
import { smokeOverHttp } from '../../../control-plane/edge/smoke-test.ts'
import { CloudflareApiFake } from '../../support/cloudflare-api.ts'
import { startFakeZone } from '../support/fake-zone.ts'
import { strangersRing } from '../support/keys.ts'

const ring: KeyRing = await strangersRing('edge-control')
const fake = await CloudflareApiFake.start()
const former = fake.versions[0]?.id ?? ''
const version = fake.addVersion('structure 7 s placements 3 code c')
fake.deployments.push([
  { version_id: former, percentage: 100 },
  { version_id: version, percentage: 0 },
])
afterAll(() => fake[Symbol.asyncDispose]())

const smokeAt = (host: string, signing = ring) =>
  smokeOverHttp({
    host,
    script: fake.script,
    ring: () => signing,
    clock: systemClock,
    random: systemRandom,
    stopped: new AbortController().signal,
  })

describe('the smoke test of a version', () => {
  it('asks that very version, at 0 % of the traffic, by signed calls', async () => {
    await using zone = await startFakeZone(fake, ring)

    expect(await smokeAt(zone.url)(version, former, 7)).toEqual({ passed: true, because: '' })
    expect(zone.asked).toEqual([`${version} /.well-known/tidegate/status`, `${version} /.well-known/tidegate/probe`])
  })

  it('fails when another version answers, as for the seconds in which a deployment is not known everywhere', async () => {
    await using zone = await startFakeZone(fake, ring)
    zone.status = () => ({ scriptVersion: former, held: { structure: { number: 9 } } })

    expect(await smokeAt(zone.url)(version, former, 7)).toMatchObject({
      passed: false,
      because: `${former} answered for it`,
    })
  })

  it('fails when the version does not run the structure that it was published with', async () => {
    await using zone = await startFakeZone(fake, ring)

    expect(await smokeAt(zone.url)(version, former, 8)).toMatchObject({
      passed: false,
      because: 'it runs structure 7, not 8',
    })
  })

  it('fails when the table inside it is refused, though it runs a newer one from elsewhere', async () => {
    await using zone = await startFakeZone(fake, ring)
    const refusals = (offered: number | undefined, because: string) => [
      { kind: 'structure', because, offered, at: 1, count: 1 },
    ]
    const held = { structure: { number: 9 } }

    zone.status = () => ({ scriptVersion: version, held, refusals: refusals(7, 'signature-wrong') })
    expect(await smokeAt(zone.url)(version, former, 7)).toMatchObject({
      passed: false,
      because: 'it refuses its own table: signature-wrong',
    })
    zone.status = () => ({ scriptVersion: version, held, refusals: refusals(undefined, 'malformed') })
    expect(await smokeAt(zone.url)(version, former, 7)).toMatchObject({ passed: false })
    const [placements] = refusals(7, 'malformed').map((one) => ({ ...one, kind: 'placements' }))
    zone.status = () => ({ scriptVersion: version, held, refusals: [...refusals(7, 'older'), placements] })
    expect(await smokeAt(zone.url)(version, former, 7)).toMatchObject({ passed: true })
  })

  it.each([
    ['no version', { scriptVersion: { id: 'x' } }],
    ['a table without a number', { held: {} }],
    ['another number', { held: { structure: { number: '9' } } }],
    ['no table', { held: null }],
    ['a refusal without a reason', { refusals: [null, { kind: 'structure' }] }],
  ])('fails when what answers tells %s: a version that nobody understands is taken back, too', async (_, told) => {
    await using zone = await startFakeZone(fake, ring)
    zone.status = () => ({ scriptVersion: version, held: { structure: { number: 9 } }, ...told })

    expect(await smokeAt(zone.url)(version, former, 7)).toMatchObject({ passed: false })
  })

  it('tells little of what a stranger answers', async () => {
    await using zone = await startFakeZone(fake, ring)
    zone.status = () => ({ scriptVersion: 'x'.repeat(100_000) })

    expect((await smokeAt(zone.url)(version, former, 7)).because).toHaveLength(300)
  })

  it('fails for a site that the version does not reach and the former one does, and for no other', async () => {
    await using zone = await startFakeZone(fake, ring)
    const cut = {
      sites: [
        { site: 'onprem', status: 404 },
        { site: 'cloud', failed: 'origin-unreachable' },
      ],
    }
    zone.probe = (id) => (id === version ? cut : { sites: [{ site: 'cloud', status: 404 }] })
    expect(await smokeAt(zone.url)(version, former, 7)).toMatchObject({
      passed: false,
      because: 'it does not reach cloud',
    })

    zone.probe = () => cut
    expect(await smokeAt(zone.url)(version, former, 7)).toMatchObject({ passed: true })
  })

  it('fails where nobody answers, or does not know our signature', async () => {
    await using zone = await startFakeZone(fake, ring)

    expect(await smokeAt('http://127.0.0.1:1')(version, former, 7)).toMatchObject({ passed: false })
    expect(await smokeAt(zone.url, await strangersRing('edge-control'))(version, former, 7)).toMatchObject({
      passed: false,
      because: 'it answered 404',
    })
  })
})
