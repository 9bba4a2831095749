import { beforeAll, describe, expect, it } from 'vitest'
import type { Table } from '#routes/table.ts'
import { type Choice, choose, repeatable } from '../../edge-worker/choice.ts'
import { type FactsSettings, readIncoming } from '../../edge-worker/facts.ts'
import { placement, placementSet, route, structure, tableOf } from '../support/tables.ts'

const sites = ['onprem', 'cloud']
const settings: FactsSettings = {
  platform: 'self-hosted',
  trustedClientIpHeader: undefined,
  trustedCountryHeader: undefined,
}
const incoming = (target: string, host = 'api.example.com') =>
  readIncoming({ method: 'GET', url: `http://${host}${target}`, headers: new Headers({ host }) }, settings, () => 'id')

let table: Table
beforeAll(async () => {
  const hosts = [
    { name: 'api.example.com', aliases: [], unsafeTargets: 'reject' as const },
    { name: 'old.example.com', aliases: [], unsafeTargets: 'observe' as const },
  ]
  const routes = [route('/v1/users/**', { service: 'users' }), route('/v1/orders/**')]
  const placements = [placement('users', { owner: 'cloud' }), placement('orders', { owner: 'lab' })]
  table = await tableOf(structure(routes, { hosts }), placementSet(placements))
})

describe('the choice of a site', () => {
  it('is the owner', () => {
    expect(choose(table, incoming('/v1/users/1'), sites)).toMatchObject({ site: 'cloud', flags: [], table })
  })

  it('is the first site without a table, whatever the target', () => {
    expect(choose(undefined, incoming('/v1/../x'), sites)).toEqual({
      site: 'onprem',
      table: undefined,
      decision: undefined,
      flags: [],
    })
  })

  it('is the first site for an owner that this edge cannot reach: that gateway forwards', () => {
    expect(choose(table, incoming('/v1/orders/1'), sites)).toMatchObject({ site: 'onprem', decision: { site: 'lab' } })
  })

  it('is none for an unsafe target where the host rejects such', () => {
    expect(choose(table, incoming('/v1/users/../orders'), sites)).toBe('target-unsafe')
    expect(choose(table, incoming('*'), sites)).toBe('target-unsafe')
  })

  it.each(['', 'a, b', 'api.example.com/x?', 'me@api.example.com', 'api%2eexample.com', '[::1', 'a:b'])(
    'is none for "%s", which is no host: the runtime would send another request than was signed',
    (host) => {
      expect(choose(table, { ...incoming('/v1/users/1'), host }, sites)).toBe('host-invalid')
    },
  )

  it.each(['api.example.com:8080', 'my_host.', '10.0.0.1', '[::1]:80', 'xn--bcher-kva.example'])(
    'is made for the host %s',
    (host) => {
      expect(choose(table, { ...incoming('/v1/users/1'), host }, sites)).toMatchObject({ site: expect.any(String) })
    },
  )

  it('follows what the gateway will receive where the host observes, and says that it was unsafe', () => {
    const choice = choose(table, incoming('/v1/orders/../users/1', 'old.example.com'), sites)

    expect(choice).toMatchObject({ site: 'cloud', flags: ['unsafe'], decision: { target: { key: '/v1/users/1' } } })
  })

  it('lets doctor ask about a target that the host rejects: the gateway answers, or refuses it alike', () => {
    const asked = readIncoming(
      { method: 'GET', url: 'http://api.example.com/v1//x', headers: new Headers({ 'x-tidegate-echo': 'e' }) },
      settings,
      () => 'id',
    )

    expect(choose(table, asked, sites)).toMatchObject({ site: 'onprem', flags: ['unsafe'] })
  })

  it('is none for a target that cannot be sent on, even where the host observes', () => {
    expect(choose(table, incoming('*', 'old.example.com'), sites)).toBe('target-unsafe')
  })
})

describe('a request that may be sent twice', () => {
  const placementFor = (method: string, body: ReadableStream | null) => {
    const asked = { ...incoming('/v1/users/1'), method }
    const choice = choose(table, incoming('/v1/users/1'), sites) as Choice
    return repeatable({ body }, asked, choice)
  }

  it('reads by a method that every server takes as safe: a search by POST has a route that reads, and may bill', () => {
    expect(placementFor('GET', null)?.unit).toBe('users')
    expect(placementFor('POST', null)).toBeUndefined()
    expect(placementFor('QUERY', null)).toBeUndefined()
  })

  it('has no body: the first try uses it up (Edge D4)', () => {
    expect(placementFor('GET', new ReadableStream())).toBeUndefined()
  })
})
