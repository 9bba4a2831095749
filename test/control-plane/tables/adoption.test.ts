import { describe, expect, it } from 'vitest'
import { type AdoptionEvidence, adoptionOf, SightingLedger } from '../../../control-plane/tables/adoption.ts'

const now = 1_000_000
const gateway = (placements: number) => ({ site: 'onprem', instance: 'a', structure: 1, placements })
const evidence = (more: Partial<AdoptionEvidence>): AdoptionEvidence => ({
  placements: 7,
  publishedAt: now - 60_000,
  sightings: [],
  gateways: [gateway(7)],
  now,
  ...more,
})
const seen = (colo: string, placements: number, agoMs: number) => ({
  colo,
  placements,
  lastSeen: now - agoMs,
  requests: 1,
})

describe('adoption of a table', () => {
  it('is confirmed when for ten seconds no request came below it, as of the last such request', () => {
    const quiet = [seen('FRA', 6, 10_000), seen('FRA', 7, 5), seen('SIN', 8, 5)]
    expect(adoptionOf(evidence({ sightings: quiet }))).toMatchObject({
      confirmed: true,
      confirmedAt: now - 10_000,
      stragglers: [],
    })
    const noisy = [...quiet, seen('SIN', 6, 9_999)]
    expect(adoptionOf(evidence({ sightings: noisy }))).toMatchObject({
      confirmed: false,
      stragglers: [{ kind: 'edge', name: 'SIN', placements: 6 }],
    })
  })

  it('is not confirmed while a gateway process runs an older one', () => {
    expect(adoptionOf(evidence({ gateways: [gateway(7), { ...gateway(6), instance: 'b' }] }))).toMatchObject({
      confirmed: false,
      stragglers: [{ kind: 'gateway', name: 'onprem/b', placements: 6 }],
    })
  })

  it('without any traffic is confirmed ten seconds after its publication', () => {
    expect(adoptionOf(evidence({ publishedAt: now - 9_999 })).confirmed).toBe(false)
    expect(adoptionOf(evidence({ publishedAt: now - 10_000 }))).toMatchObject({
      confirmed: true,
      confirmedAt: now - 10_000,
    })
  })

  it('is told of each colo: what it runs now, and when it last ran less', () => {
    const { colos } = adoptionOf(
      evidence({ sightings: [seen('FRA', 5, 40_000), seen('FRA', 8, 30_000), seen('AMS', 6, 1)] }),
    )
    expect(colos).toEqual([
      { colo: 'AMS', lowest: 6, highest: 6, lastBelow: now - 1, requests: 1 },
      { colo: 'FRA', lowest: 8, highest: 8, lastBelow: now - 40_000, requests: 2 },
    ])
  })
})

describe('the ledger of sightings', () => {
  const row = (colo: string, placements: number, lastSeen: number) => ({
    colo,
    placements,
    firstSeen: 0,
    lastSeen,
    requests: 2,
  })

  it('adds up reports in our own time', () => {
    const ledger = new SightingLedger()
    ledger.note([row('FRA', 7, 100)], 5_000)
    ledger.note([row('FRA', 7, 50)], 5_000)
    expect(ledger.all()).toEqual([{ colo: 'FRA', placements: 7, lastSeen: 5_100, requests: 4 }])
  })

  it('never grows beyond its limits, and keeps the recent', () => {
    const ledger = new SightingLedger()
    for (let at = 0; at < 1_100; at++) ledger.note([row(`c${at}`, 1, at)], 0)
    for (let number = 1; number < 100; number++) ledger.note([row('c1', number, 1_000 + number)], 0)
    expect(ledger.refused).toBe(100)
    const ofOne = ledger.all().filter(({ colo }) => colo === 'c1')
    expect(ofOne.length).toBeLessThanOrEqual(32)
    expect(Math.max(...ofOne.map(({ placements }) => placements))).toBe(99)
  })

  it('gives the places of colos that nobody sees any more to those that are seen', () => {
    const ledger = new SightingLedger()
    for (let made = 0; made < 1_000; made++) ledger.note([row(`forged-${made}`, 1, 0)], 0)
    ledger.note([row('SIN', 1, 599_000)], 0)
    expect(ledger.refused).toBe(1)

    ledger.note([row('FRA', 1, 601_000)], 0)

    expect(ledger.all().map(({ colo }) => colo)).toEqual(['FRA'])
  })
})
