import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { verifyAudit } from '../../../control-plane/audit/verify.ts'
import { isOpen } from '../../../control-plane/edge/publication.ts'
import type { ApiFault } from '../../support/cloudflare-api.ts'
import { operator, PublishingBed } from '../support/publishing-bed.ts'

const minute = 60_000
const fine: ApiFault = { kind: 'none' }

async function startedBed() {
  const bed = await PublishingBed.start()
  await bed.publisher.load()
  return bed
}

describe('a publisher that may die at any moment', () => {
  it('goes on with a way back that was ordered just before', async () => {
    await using bed = await startedBed()
    const before = bed.fake.serving
    await bed.publisher.publish(operator)
    await bed.run(minute)
    await bed.publisher.rollback(operator)

    await bed.restart()
    await bed.run(minute)

    expect((await bed.newest())?.state).toBe('rolled-back')
    expect(bed.fake.serving).toEqual(before)
  })

  it('does not upload again what its list of versions does not show yet', async () => {
    await using bed = await startedBed()
    await bed.publisher.publish(operator)
    const { tag = '' } = (await bed.newest()) ?? {}
    bed.onCall = (call) => (call.startsWith('POST') ? 'die' : fine)
    await bed.run()
    expect([bed.dead, bed.fake.uploadsOf(tag)]).toEqual([true, 1])
    bed.onCall = () => fine

    await bed.restart()
    await bed.run()

    expect([bed.fake.uploadsOf(tag), (await bed.newest())?.state]).toEqual([1, 'confirmed'])
  })

  it('uploads nothing under the name of a table that is not the newest any more', async () => {
    await using bed = await startedBed()
    await bed.publisher.publish(operator)
    const { id, tag = '' } = (await bed.newest()) ?? {}
    bed.newTable('placements')

    await bed.restart()
    await bed.run()

    const [newest, first] = await bed.store.records.publications.list(2)
    expect([first?.id, first?.state, bed.fake.uploadsOf(tag)]).toEqual([id, 'outdated', 0])
    expect(newest).toMatchObject({ state: 'confirmed', content: { placements: 2 } })
  })

  it('uploads after a restart what it had begun to publish, built anew', async () => {
    await using bed = await startedBed()
    await bed.publisher.publish(operator)
    const { id } = (await bed.newest()) ?? {}

    await bed.restart()
    await bed.run()

    expect(await bed.newest()).toMatchObject({ id, state: 'confirmed' })
  })

  it('uploads each content once and ends confirmed or rolled back, with legal shares, whatever is lost and wherever it dies', async () => {
    const call = fc.oneof(
      { weight: 5, arbitrary: fc.constant<ApiFault | 'die'>(fine) },
      fc.constantFrom<ApiFault | 'die'>(
        'die',
        { kind: 'lost' },
        { kind: 'cut' },
        { kind: 'status', status: 429, retryAfter: '7' },
        { kind: 'status', status: 502 },
      ),
    )
    const life = fc.record({
      calls: fc.array(call, { maxLength: 25 }),
      journaled: fc.array(fc.constantFrom('go-on' as const, 'die' as const), { maxLength: 8 }),
      worse: fc.boolean(),
      smoke: fc.boolean(),
      rollbackAt: fc.option(fc.nat(20)),
      newTableAt: fc.option(fc.nat(20)),
    })

    await fc.assert(
      fc.asyncProperty(life, async ({ calls, journaled, worse, smoke, rollbackAt, newTableAt }) => {
        await using bed = await startedBed()
        const before = bed.fake.serving
        const [former] = bed.fake.versions
        let asked = 0
        bed.onCall = () => calls[asked++] ?? fine
        let writes = 0
        bed.onJournaled = () => journaled[writes++] ?? 'go-on'
        if (worse) bed.worse()
        if (!smoke) bed.smoke = { passed: false, because: 'silent' }
        bed.newTable('structure')

        for (let turn = 0; turn < 60; turn++) {
          if (turn === rollbackAt) {
            await bed.publisher.rollback(operator).catch(() => {
              // Nothing was begun yet, or this process has just ended.
            })
          }
          if (turn === newTableAt) bed.newTable('placements')
          if (bed.dead) await bed.restart()
          await bed.run(turn < 40 ? minute : 24 * 60 * minute)
        }

        const publications = await bed.store.records.publications.list(50)
        expect(publications.some(isOpen)).toBe(false)
        for (const { tag } of publications) expect(bed.fake.uploadsOf(tag)).toBeLessThanOrEqual(1)
        for (const { message = '', modules } of bed.fake.versions.slice(1)) {
          const [, placements] = /placements (\d+) /.exec(message) ?? []
          expect(modules.get('bundled-table.js')).toContain(`"placements ${placements}"`)
        }
        for (const shares of bed.fake.deployments.slice(1)) {
          const told = shares.map(({ percentage }) => percentage).sort((a, b) => a - b)
          expect([[100], [0, 100], [5, 95]]).toContainEqual(told)
        }
        const [newest] = publications
        const last = publications.find(({ state }) => state === 'confirmed')
        if (newest?.state === 'confirmed') expect(bed.fake.serving).toEqual([`${newest.versionId} 100`])
        else expect([before, [`${last?.versionId} 100`], [`${former?.id} 100`]]).toContainEqual(bed.fake.serving)
        expect((await verifyAudit(bed.store)).valid).toBe(true)
      }),
      { numRuns: 100 },
    )
  }, 120_000)
})
