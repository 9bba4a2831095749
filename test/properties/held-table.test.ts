import fc from 'fast-check'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { TableOffer, TableOrigin } from '#routes/messages.ts'
import type { Away, TableSource } from '../../edge-worker/table-sources.ts'
import { HeldIsolate } from '../edge-worker/held-isolate.ts'
import { makeSealer, placement, placementSet, route, type Sealer, structure } from '../support/tables.ts'

/** Whatever sources say, in whatever order their answers come: an isolate holds the best good table that it was given. */

const numbers = 12
const origins: readonly TableOrigin[] = ['control-plane', 'colo-cache', 'kv']
type Kind = 'good' | 'forged' | 'epoch falls' | 'away'

let sealer: Sealer
/** Made once: each kind of offer under each number. */
const offers = new Map<string, TableOffer | Away>()
beforeAll(async () => {
  sealer = await makeSealer()
  const stranger = await makeSealer()
  const sealed = await sealer.structure(structure([route('/v1/orders/**')]))
  for (let number = 1; number <= numbers; number++) {
    const set = (epoch: number) => placementSet([placement('orders', { epoch })], { number })
    const put = (kind: Kind, offer: TableOffer | Away) => offers.set(`${kind} ${number}`, offer)
    put('good', { structure: sealed, placements: await sealer.placements(set(1)) })
    put('forged', { structure: sealed, placements: await stranger.placements(set(1)) })
    put('epoch falls', { placements: await sealer.placements(set(0)) })
    put('away', { away: 'no answer' })
  }
})

const number = fc.integer({ min: 1, max: numbers })
const kind = fc.constantFrom<Kind>('good', 'good', 'good', 'forged', 'epoch falls', 'away')
const event = fc.oneof(
  fc.record({ do: fc.constant('request' as const), afterMs: fc.constantFrom(0, 50, 100, 999, 1_000, 2_000) }),
  fc.record({ do: fc.constant('hint' as const), number }),
  /** The question that has waited at this place gets its answer; or never one, since its request was cancelled. */
  fc.record({ do: fc.constant('answer' as const), place: fc.nat(8), number, kind }),
)

describe('the table of an isolate', () => {
  it('Edge E3: is the best of what was answered, and its number never falls, in any order of events', async () => {
    await fc.assert(
      fc.asyncProperty(number, fc.array(event, { maxLength: 24 }), async (script, events) => {
        const waiting: ((answer: TableOffer | Away) => void)[] = []
        const source = (name: TableOrigin): TableSource => ({
          name,
          read: () => new Promise((resolve) => waiting.push(resolve)),
        })
        const [first, ...others] = origins.map(source) as [TableSource, ...TableSource[]]
        const isolate = new HeldIsolate(offers.get(`good ${script}`) as TableOffer, sealer.trusted, others)
        isolate.answer = first.read
        let best = script
        const held = () => isolate.table.table?.placements.number ?? 0

        for (const one of [{ do: 'request' as const, afterMs: 0 }, ...events]) {
          const before = held()
          if (one.do === 'request') {
            isolate.nowMs += one.afterMs
            void isolate.request()
          } else if (one.do === 'hint') {
            isolate.noticed(one.number)
          } else {
            const [answer] = waiting.splice(one.place % Math.max(waiting.length, 1), 1)
            answer?.(offers.get(`${one.kind} ${one.number}`) as TableOffer | Away)
            if (answer !== undefined && one.kind === 'good') best = Math.max(best, one.number)
            // Sometimes it is verified before the next event, sometimes beside it.
            if (one.place % 2 === 0) await vi.waitFor(() => expect(held()).toBe(best), { interval: 1 })
          }
          expect(held()).toBeGreaterThanOrEqual(before)
        }

        await vi.waitFor(() => expect(held()).toBe(best), { interval: 1 })
      }),
      { numRuns: 500 },
    )
  })
})
