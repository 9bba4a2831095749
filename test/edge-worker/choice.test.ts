import { beforeAll, describe, expect, it } from 'vitest'
import type { Table } from '#routes/table.ts'
import { choose } from '../../edge-worker/choice.ts'
import { readIncoming } from '../../edge-worker/facts.ts'
import { placement, placementSet, route, structure, tableOf } from '../support/tables.ts'

const sites = ['onprem', 'cloud']
const incoming = (target: string, host = 'api.example.com') =>
  readIncoming(
    { method: 'GET', url: `http://${host}${target}`, headers: new Headers({ host }) },
    { platform: 'self-hosted', trustedClientIpHeader: undefined },
    () => 'id',
  )

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
    expect(choose(table, incoming('/v1/users/1'), sites)).toMatchObject({ site: 'cloud', unsafe: false, table })
  })

  it('is the first site without a table, whatever the target', () => {
    expect(choose(undefined, incoming('/v1/../x'), sites)).toEqual({
      site: 'onprem',
      table: undefined,
      decision: undefined,
      unsafe: false,
    })
  })

  it('is the first site for an owner that this edge cannot reach: that gateway forwards', () => {
    expect(choose(table, incoming('/v1/orders/1'), sites)).toMatchObject({ site: 'onprem', decision: { site: 'lab' } })
  })

  it('is none for an unsafe target where the host rejects such', () => {
    expect(choose(table, incoming('/v1/users/../orders'), sites)).toBe('target-unsafe')
    expect(choose(table, incoming('*'), sites)).toBe('target-unsafe')
  })

  it('follows what the gateway will receive where the host observes, and says that it was unsafe', () => {
    const choice = choose(table, incoming('/v1/orders/../users/1', 'old.example.com'), sites)

    expect(choice).toMatchObject({ site: 'cloud', unsafe: true, decision: { target: { key: '/v1/users/1' } } })
  })

  it('is none for a target that cannot be sent on, even where the host observes', () => {
    expect(choose(table, incoming('*', 'old.example.com'), sites)).toBe('target-unsafe')
  })
})
