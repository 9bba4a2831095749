import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import { explain } from '#routes/explain.ts'
import { decodePlacements, encodePlacements } from '#routes/placements-codec.ts'
import { receive } from '#routes/receive.ts'
import type { SealedDocument } from '#routes/seal.ts'
import { decodeStructure, encodeStructure } from '#routes/structure-codec.ts'
import { makeSealer, placement, placementSet, policy, request, route, structure, tableOf } from '../support/tables.ts'
import { conditions } from './generators/conditions.ts'
import { Random } from './generators/random.ts'

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array).toString('latin1'))
const bp = fc.integer({ min: 0, max: 10_000 })
const key = fc.stringMatching(/^[a-z0-9]{1,20}$/)

const pattern = fc
  .array(fc.constantFrom('a', 'bb', 'v1', '{x}', '{y}:go', 'é'.normalize('NFC').replace('é', '%C3%A9')), {
    minLength: 1,
    maxLength: 4,
  })
  .filter(
    (segments) =>
      new Set(segments.filter((one) => one.startsWith('{'))).size ===
      segments.filter((one) => one.startsWith('{')).length,
  )
  .map((segments) => `/${segments.join('/')}`)
const routes = fc
  .uniqueArray(pattern, { minLength: 1, maxLength: 12, selector: (text) => text.replace(/\{\w+\}/g, '{}') })
  .map((patterns) =>
    patterns.map((text, i) =>
      route(text, {
        service: `s${i % 3}`,
        ...(i % 2 ? { methods: ['GET', 'POST'] } : {}),
        ...(i % 5 === 4 ? { host: 'api.example.com' } : {}),
        ...(i % 4 === 3 ? { when: conditions(new Random(i)) } : {}),
        policy: {
          ...policy,
          ...(i % 3 === 0 ? { effect: 'read' as const } : {}),
          auth: i % 2 ? 'public' : { scopes: ['a:b'] },
        },
      }),
    ),
  )
const placements = fc
  .array(
    fc.record({
      unit: fc.constantFrom('s0', 's1', 's2'),
      reads: bp,
      epoch: fc.nat(1_000),
      owner: fc.constantFrom('onprem', 'cloud'),
    }),
  )
  .map((rows) =>
    [...new Map(rows.map((row) => [row.unit, row])).values()].map(({ unit, reads, epoch, owner }) =>
      placement(unit, {
        epoch,
        owner,
        ...(reads === 0 ? {} : { moving: { to: owner === 'cloud' ? 'onprem' : 'cloud', reads, writes: 0 } }),
      }),
    ),
  )

const sealer = await makeSealer()

describe('for any table and any bytes', () => {
  it('decide gives exactly one decision and explain the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        routes,
        placements,
        fc.array(fc.tuple(bytes(10), bytes(60), bytes(20), bytes(40)), { minLength: 20, maxLength: 20 }),
        async (some, placed, requests) => {
          const table = await tableOf(structure(some), placementSet(placed), sealer)
          for (const [method, target, host, header] of requests) {
            for (const facts of [
              request(method, target, { 'x-device-id': header }, host),
              request('GET', `/v1/${target}`, { authorization: header }),
            ]) {
              const decision = decide(table, facts)
              expect(table.index.sites.has(decision.site)).toBe(true)
              expect(explain(table, facts).decision).toEqual(decision)
            }
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('encoding and decoding give the table again, and the same text', () => {
    fc.assert(
      fc.property(routes, placements, (some, placed) => {
        const made = structure(some)
        const set = placementSet(placed.toSorted((a, b) => (a.unit < b.unit ? -1 : 1)))
        expect(decodeStructure(encodeStructure(made))).toEqual(made)
        expect(decodePlacements(encodePlacements(set))).toEqual(set)
      }),
    )
  })

  it('decoders refuse any text with one byte changed or give a whole document, and never throw', () => {
    const text = encodeStructure(structure([route('/v1/orders/{id}'), route('/v1/orders/{id}/lines')]))
    fc.assert(
      fc.property(fc.nat(text.length - 1), bytes(3), (at, change) => {
        const decoded = decodeStructure(text.slice(0, at) + change + text.slice(at + 1))
        if (decoded !== undefined) expect(decodeStructure(encodeStructure(decoded))).toEqual(decoded)
      }),
      { numRuns: 500 },
    )
  })

  it('a receiver never throws and never lets a number or an epoch fall', async () => {
    const offered = fc.record({ number: fc.nat(6), epoch: fc.nat(6), broken: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(fc.array(offered, { maxLength: 12 }), async (offers) => {
        let held = await tableOf(structure([route('/a')]), placementSet([placement('orders')]), sealer)
        for (const { number, epoch, broken } of offers) {
          const good = await sealer.placements(placementSet([placement('orders', { epoch })], { number }))
          const sealed: SealedDocument = broken ? { ...good, signature: good.signature.slice(1) } : good
          const { table } = await receive(held, { placements: sealed }, sealer.trusted)
          if (table === undefined) throw new Error('a held table was lost')
          expect(table.placements.number).toBeGreaterThanOrEqual(held.placements.number)
          expect(table.placementOf.get('orders')?.epoch ?? -1).toBeGreaterThanOrEqual(
            held.placementOf.get('orders')?.epoch ?? 0,
          )
          if (broken) expect(table).toBe(held)
          held = table
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('while a share rises', () => {
  it('no client that has moved goes back', async () => {
    const tables = await Promise.all(
      [100, 1_000, 5_000, 9_999, 10_000].map((reads) =>
        tableOf(
          structure([route('/v1/orders/{id}')]),
          placementSet([placement('orders', { moving: { to: 'cloud', reads, writes: 0 } })]),
          sealer,
        ),
      ),
    )
    fc.assert(
      fc.property(key, (id) => {
        const sides = tables.map((table) => decide(table, request('GET', '/v1/orders/7', { 'x-device-id': id })).site)
        expect(sides.lastIndexOf('onprem')).toBeLessThan(
          sides.includes('cloud') ? sides.indexOf('cloud') : sides.length,
        )
      }),
      { numRuns: 1_000 },
    )
  })
})
