import { describe, expect, it } from 'vitest'
import type { HeldNumbers } from '#routes/messages.ts'
import type { Placement } from '#routes/placement.ts'
import type { Structure } from '#routes/structure.ts'
import type { Held, PlacementSet } from '#routes/table.ts'
import { type FleetEvidence, type Own, planRecovery } from '../../../control-plane/tables/recover.ts'

const placement = (unit: string, epoch: number, owner = 'onprem'): Placement => ({
  unit,
  epoch,
  owner,
  cohort: 'w',
  key: ['address'],
})

function set(number: number, placements: readonly Placement[], digest = `p${number}`): Held<PlacementSet> {
  const value = { number, structure: { min: 1, max: 9 }, parent: '', author: '', reason: '', at: 0, placements }
  return { number, digest, value, sealed: { kind: 'placements', keyId: 't1', signature: '', body: '' } }
}

function structure(number: number, digest = `s${number}`): Held<Structure> {
  const value = { number, mayShrink: false, defaultSite: 'onprem', sites: [], hosts: [], services: [], routes: [] }
  return { number, digest, value, sealed: { kind: 'structure', keyId: 't1', signature: '', body: '' } }
}

const own = (placements: Held<PlacementSet> | undefined, mine = structure(1)): Own => ({
  structure: mine,
  placements,
  floors: { structure: 0, placements: 0 },
})

const holds = (placements: Held<PlacementSet>, theirs = structure(1)): HeldNumbers => ({
  structure: { number: theirs.number, digest: theirs.digest },
  placements: { number: placements.number, digest: placements.digest },
  epochs: Object.fromEntries(placements.value.placements.map(({ unit, epoch }) => [unit, epoch])),
})

const fleet = (more: Partial<FleetEvidence>): FleetEvidence => ({ held: [], structures: [], placements: [], ...more })

describe('recovery from the fleet', () => {
  it('has nothing to do when nobody holds more', () => {
    const mine = set(5, [placement('a', 3)])
    const older = set(4, [placement('a', 2)])
    expect(planRecovery(own(mine), fleet({}))).toBeUndefined()
    expect(
      planRecovery(own(mine), fleet({ held: [holds(mine), holds(older)], placements: [mine, older] })),
    ).toBeUndefined()
  })

  it('takes content and epochs of the fleet where they are higher, and keeps our own where ours are', () => {
    const theirs = set(9, [placement('a', 4, 'cloud'), placement('b', 1), placement('new', 2, 'cloud')])
    const mine = set(5, [placement('a', 3), placement('b', 2, 'cloud')])
    const plan = planRecovery(own(mine), fleet({ held: [holds(theirs)], placements: [theirs] }))
    expect(plan?.floors.placements).toBe(9)
    expect(plan?.placements).toEqual([placement('a', 4, 'cloud'), placement('new', 2, 'cloud')])
  })

  it('gives an epoch that two contents share a successor with what traffic obeys', () => {
    const theirs = set(6, [placement('a', 4, 'cloud')])
    const mine = set(6, [placement('a', 4)], 'other')
    const plan = planRecovery(own(mine), fleet({ held: [holds(theirs)], placements: [theirs] }))
    expect(plan?.placements).toEqual([placement('a', 5, 'cloud')])
  })

  it('goes above epochs of which only the number is known', () => {
    const unseen = holds(set(20, [placement('a', 9, 'cloud')]))
    const plan = planRecovery(own(set(5, [placement('a', 3)])), fleet({ held: [unseen] }))
    expect(plan).toMatchObject({ floors: { placements: 20 }, placements: [placement('a', 10)], publish: true })
  })

  it('takes a higher structure as it is, and numbers our own anew when only its number is known', () => {
    const mine = set(5, [placement('a', 3)])
    const known = planRecovery(own(mine), fleet({ held: [holds(mine, structure(4))], structures: [structure(4)] }))
    expect(known?.structure).toMatchObject({ kind: 'take', document: { number: 4 } })
    const unknown = planRecovery(own(mine), fleet({ held: [holds(mine, structure(4))] }))
    expect(unknown).toMatchObject({ floors: { structure: 4 }, structure: { kind: 'renumber' } })
    const forked = planRecovery(own(mine), fleet({ held: [holds(mine, structure(1, 'other'))] }))
    expect(forked?.structure).toEqual({ kind: 'renumber' })
  })

  it('with an empty store and a fleet that proves nothing publishes nothing', () => {
    const theirs = holds(set(7, [placement('a', 2)]))
    const plan = planRecovery(
      { structure: undefined, placements: undefined, floors: { structure: 0, placements: 0 } },
      fleet({ held: [theirs] }),
    )
    expect(plan).toMatchObject({ publish: false, placements: [], floors: { placements: 7 } })
  })
})
