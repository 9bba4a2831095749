import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePlacements } from '#routes/placements-codec.ts'
import { Problem } from '#routes/problem.ts'
import { receive } from '#routes/receive.ts'
import type { Table } from '#routes/table.ts'
import { verifyAudit } from '../../../control-plane/audit/verify.ts'
import { applyCatalog } from '../../../control-plane/catalog/apply.ts'
import {
  endFailoverOfUnit,
  endShadowOfUnit,
  failoverUnit,
  flipUnit,
  rollbackUnit,
  shadowUnit,
} from '../../../control-plane/moves/change-unit.ts'
import { openStore } from '../../../control-plane/store/database.ts'
import { TableFeed } from '../../../control-plane/tables/feed.ts'
import { Publisher } from '../../../control-plane/tables/publisher.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { writeKeys } from '../support/keys.ts'

const units = ['orders', 'users', 'carts']
const unit = fc.constantFrom(...units)
const share = fc.constantFrom(0, 1, 2500, 10_000)
const step = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('flip' as const),
      unit,
      to: fc.constantFrom('onprem', 'cloud'),
      reads: share,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rollback' as const), unit }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('shadow' as const),
      unit,
      to: fc.constantFrom('onprem', 'cloud'),
      sample: fc.constantFrom(1, 10_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end-shadow' as const), unit }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('failover' as const), unit, to: fc.constantFrom('onprem', 'cloud') }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('end-failover' as const), unit }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('apply' as const), services: fc.subarray(units, { minLength: 1 }) }),
  },
)

const author = { actor: 'ops', reason: 'because', at: 1, via: 'api' as const, requestId: 'r', seen: undefined }

describe('whatever operators do one after the other', () => {
  it('numbers and epochs grow, every document is taken by a receiver, and it says what the store says', async () => {
    await using folder = await temporaryFolder()
    const { keys } = await writeKeys(folder.file)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        const store = await openStore(undefined, 0)
        const feed = new TableFeed()
        const publisher = new Publisher(store, feed, keys.sealer)
        const apply = (services: readonly string[]) => {
          const files = catalogOf(
            ...services.map((name) => serviceFile(name, { state: name === 'users' ? 'none' : 'shared' })),
          )
          return applyCatalog(store.records, feed, publisher, { files, mode: 'whole', allowShrink: false }, author)
        }
        let received: Table | undefined
        await apply(units)
        for (const one of steps) {
          const before = new Map(
            (await store.records.tables.placements()).map(({ placement }) => [placement.unit, placement.epoch]),
          )
          const number = feed.placements?.number ?? 0
          try {
            if (one.kind === 'apply') await apply(one.services)
            else if (one.kind === 'rollback') await rollbackUnit({ publisher, feed }, one.unit, author)
            else if (one.kind === 'end-shadow') await endShadowOfUnit({ publisher, feed }, one.unit, author)
            else if (one.kind === 'failover') await failoverUnit({ publisher, feed }, one.unit, one.to, author)
            else if (one.kind === 'end-failover') await endFailoverOfUnit({ publisher, feed }, one.unit, author)
            else if (one.kind === 'shadow') {
              await shadowUnit({ publisher, feed }, one.unit, { to: one.to, sample: one.sample }, author)
            } else await flipUnit({ publisher, feed }, one.unit, { to: one.to, reads: one.reads }, author)
          } catch (error) {
            // A refusal is an outcome; it must have changed nothing.
            if (!(error instanceof Problem)) throw error
            expect(feed.placements?.number).toBe(number)
          }
          const present = (await store.records.tables.placements()).map(({ placement }) => placement)
          for (const { owner, shadow, failover } of present) expect([shadow?.to, failover?.to]).not.toContain(owner)
          for (const { unit, epoch } of present) expect(epoch).toBeGreaterThanOrEqual(before.get(unit) ?? 1)
          expect(present.length).toBeGreaterThanOrEqual(before.size)
          expect(feed.placements?.number).toBeGreaterThanOrEqual(number)
          expect(decodePlacements(feed.placements?.sealed.body ?? '')?.placements).toEqual(present)

          const taken = await receive(received, feed.offer, keys.trusted)
          expect(taken.refusals).toEqual([])
          received = taken.table
          expect(received?.placements.number).toBe(feed.placements?.number)
        }
        const [newest] = await store.records.tables.list('placements', 1)
        const history = await store.records.tables.placementsOf(newest?.number ?? 0)
        expect(history).toEqual(await store.records.tables.placements())
        expect(await verifyAudit(store)).toMatchObject({ valid: true })
        await store.close()
      }),
      { numRuns: 25 },
    )
  })
})
