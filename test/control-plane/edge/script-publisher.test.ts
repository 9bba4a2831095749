import { describe, expect, it } from 'vitest'
import { verifyAudit } from '../../../control-plane/audit/verify.ts'
import { isOpen } from '../../../control-plane/edge/publication.ts'
import type { ApiFault } from '../../support/cloudflare-api.ts'
import { builtFor, operator, PublishingBed } from '../support/publishing-bed.ts'

const minute = 60_000
const fine: ApiFault = { kind: 'none' }

async function startedBed(options?: Parameters<typeof PublishingBed.start>[0]) {
  const bed = await PublishingBed.start(options)
  await bed.publisher.load()
  return bed
}

/** Shares in the order in which they were deployed, without what was there at the beginning. */
const steps = ({ fake }: PublishingBed, versionId: string | undefined) =>
  fake.deployments.slice(1).map((shares) => shares.find(({ version_id }) => version_id === versionId)?.percentage)

describe('publishing a table as a version of the edge script', () => {
  it('brings a first one by 0 %, 5 % and 100 % to its confirmation, with the table in it', async () => {
    await using bed = await startedBed()
    await bed.publisher.publish(operator)

    await bed.run()

    const { state, versionId, tag, kind, platformStartupMs } = (await bed.newest()) ?? {}
    expect([state, kind, platformStartupMs]).toEqual(['confirmed', 'structure', 7])
    expect(steps(bed, versionId)).toEqual([0, 5, 100])
    const version = bed.fake.versions.find(({ id }) => id === versionId)
    expect(version?.modules.get('bundled-table.js')).toContain('"body":"placements 1"')
    expect(version).toMatchObject({ tag, message: expect.stringMatching(/^structure 1 .+ placements 1 code /) })
    expect(version?.metadata).toMatchObject({
      main_module: 'worker.js',
      compatibility_date: '2026-11-01',
      keep_bindings: expect.arrayContaining(['secret_text', 'kv_namespace', 'version_metadata']),
    })
  })

  it('publishes flips five minutes after the first of them, all in one version, and at once to everybody', async () => {
    await using bed = await startedBed()
    await bed.publisher.publish(operator)
    await bed.run()
    const before = bed.clock.now()

    for (let flip = 0; flip < 100; flip++) {
      bed.newTable('placements')
      await bed.run(1_000)
      bed.clock.advance(1_000)
    }
    expect(bed.fake.versions).toHaveLength(2)
    await bed.run()

    const { kind, startedAt = 0, versionId, content } = (await bed.newest()) ?? {}
    expect([kind, content?.placements, bed.fake.versions.length]).toEqual(['placements', 101, 3])
    expect(startedAt - before).toBe(5 * minute)
    expect(bed.fake.serving).toEqual([`${versionId} 100`])
    expect(steps(bed, versionId).filter((share) => share !== undefined)).toEqual([0, 100])
  })

  it('publishes a new structure at once', async () => {
    await using bed = await startedBed()
    bed.newTable('structure')
    const before = bed.clock.now()

    await bed.run()

    const newest = await bed.newest()
    expect([newest?.startedAt, newest?.state, newest?.actor]).toEqual([before, 'confirmed', 'control-plane'])
  })

  it.each(['structure', 'code'] as const)('tries a new %s on 5 % of the traffic first', async (what) => {
    await using bed = await startedBed()
    await bed.publisher.publish(operator)
    await bed.run()
    if (what === 'code') bed.code = 'other code'
    bed.newTable(what === 'code' ? 'placements' : 'structure')

    await bed.run()

    const { kind, state, versionId } = (await bed.newest()) ?? {}
    expect([kind, state]).toEqual(['structure', 'confirmed'])
    expect(steps(bed, versionId).slice(-3)).toEqual([0, 5, 100])
  })

  it('publishes nothing where the newest table is deployed already', async () => {
    await using bed = await startedBed()
    await bed.publisher.publish(operator)
    await bed.run()
    const calls = bed.fake.calls.length

    expect(await bed.publisher.publish(operator)).toBeUndefined()

    expect(bed.fake.calls.slice(calls).every((call) => call.startsWith('GET'))).toBe(true)
  })

  it('takes a version back that makes more requests fail, and does not publish its structure again by itself', async () => {
    await using bed = await startedBed()
    await bed.publisher.publish(operator)
    await bed.run()
    const [serving] = bed.fake.serving
    bed.worse()
    bed.newTable('structure')

    await bed.run()
    const back = await bed.newest()
    bed.newTable('placements')
    await bed.run()

    expect(back).toMatchObject({ state: 'rolled-back', because: 'more requests fail, or are skewed, than before' })
    expect(bed.fake.serving).toEqual([serving])
    expect((await bed.newest())?.id).toBe(back?.id)
    expect(bed.publisher.health.because).toContain('this structure was rolled-back')
    bed.since = { requests: 10_000, failed: 10, marked: 0, skewed: 0 }
    bed.newTable('structure')
    await bed.run()
    expect((await bed.newest())?.state).toBe('confirmed')
  })

  it('takes a version back that does not answer for itself, before anybody is on it', async () => {
    await using bed = await startedBed()
    bed.smoke = { passed: false, because: 'it runs structure 0, not 1' }
    await bed.publisher.publish(operator)

    await bed.run()

    const newest = await bed.newest()
    expect(newest).toMatchObject({ state: 'rolled-back', because: 'it runs structure 0, not 1' })
    expect(steps(bed, newest?.versionId)).toEqual([0, undefined])
  })

  it('does not upload what is beyond a budget, and says the figures', async () => {
    await using bed = await startedBed()
    bed.built = (table) => ({ ...builtFor(table), gzipBytes: 3_000_001, codeGzipBytes: 99_999, startupMs: 1_234 })

    const refused = bed.publisher.publish(operator)

    await expect(refused).rejects.toThrow(
      /3000001 bytes after gzip, at most 3000000; .*99999 bytes.*; .*1234 ms, at most 1000/,
    )
    expect(bed.fake.calls).toEqual([])
  })

  it('leaves alone what somebody else deploys meanwhile', async () => {
    await using bed = await startedBed()
    await bed.publisher.publish(operator)
    await bed.run(minute)
    const theirs = bed.fake.addVersion('by hand')
    bed.fake.deployed(theirs)

    await bed.run(10 * minute)

    expect((await bed.newest())?.state).toBe('superseded')
    expect(bed.fake.serving).toEqual([`${theirs} 100`])
    expect(bed.publisher.health.because).toContain(`somebody else has deployed version ${theirs}`)
    await bed.publisher.publish(operator)
    await bed.run()
    expect((await bed.newest())?.state).toBe('confirmed')
  })

  it('does not push forward again what somebody has taken back in the dashboard', async () => {
    await using bed = await startedBed()
    const before = bed.fake.serving
    await bed.publisher.publish(operator)
    await bed.run(minute)
    bed.fake.deployed(bed.fake.versions[0]?.id ?? '')

    await bed.run()

    expect((await bed.newest())?.state).toBe('superseded')
    expect(bed.fake.serving).toEqual(before)
  })

  it('leaves in place what somebody else deployed when nothing was under way', async () => {
    await using bed = await startedBed()
    await bed.publisher.publish(operator)
    await bed.run()
    const [old = ''] = bed.fake.versions.map(({ id }) => id)
    bed.fake.deployed(old)
    bed.newTable('structure')

    await bed.run()

    expect(bed.fake.serving).toEqual([`${old} 100`])
    expect(bed.publisher.health.because).toContain('somebody else')
  })

  it('does not begin while somebody else deploys gradually', async () => {
    await using bed = await startedBed()
    const [theirs = '', share = ''] = [bed.fake.addVersion(), bed.fake.versions[0]?.id]
    bed.fake.deployments.push([
      { version_id: share, percentage: 90 },
      { version_id: theirs, percentage: 10 },
    ])

    await expect(bed.publisher.publish(operator)).rejects.toMatchObject({ code: 'edge-deployment-foreign' })
  })

  it('begins where a version is left at 0 % of an earlier try', async () => {
    await using bed = await startedBed()
    const left = bed.fake.addVersion()
    bed.fake.deployments.push([...(bed.fake.deployments[0] ?? []), { version_id: left, percentage: 0 }])
    await bed.publisher.publish(operator)

    await bed.run()

    expect((await bed.newest())?.state).toBe('confirmed')
  })

  it('says what to do where the worker was never deployed', async () => {
    await using bed = await startedBed({ empty: true })

    await expect(bed.publisher.publish(operator)).rejects.toMatchObject({ code: 'edge-script-unknown' })
  })

  it('begins one publication at a time', async () => {
    await using bed = await startedBed()
    const first = bed.publisher.publish(operator)

    await expect(bed.publisher.publish(operator)).rejects.toMatchObject({ code: 'edge-publication-open' })
    await first
    await expect(bed.publisher.publish(operator)).rejects.toMatchObject({ code: 'edge-publication-open' })
  })
})

describe('taking a publication back by hand', () => {
  it('deploys what was before, from any step and after the confirmation, and keeps it so', async () => {
    for (const runMs of [0, minute, 8 * minute, 60 * minute]) {
      await using bed = await startedBed()
      const before = bed.fake.serving
      await bed.publisher.publish(operator)
      await bed.run(runMs)

      await bed.publisher.rollback(operator)
      await bed.run()

      expect((await bed.newest())?.state).toBe('rolled-back')
      expect(bed.fake.serving).toEqual(before)
    }
  })

  it('is not overtaken by the step that was under way', async () => {
    await using bed = await startedBed()
    const before = bed.fake.serving
    await bed.publisher.publish(operator)
    let back: Promise<unknown> | undefined
    bed.onCall = (call) => {
      if (call.startsWith('POST') && call.endsWith('/deployments')) back ??= bed.publisher.rollback(operator)
      return fine
    }

    await bed.run()

    expect(back).toBeDefined()
    expect((await bed.newest())?.state).toBe('rolled-back')
    expect(bed.fake.serving).toEqual(before)
  })

  it('is not overtaken by a publication that was being built', async () => {
    await using bed = await startedBed()
    const before = bed.fake.serving
    await bed.publisher.publish(operator)
    await bed.run()
    let back: Promise<unknown> | undefined
    bed.onCall = () => {
      back ??= bed.publisher.rollback(operator)
      return fine
    }
    bed.newTable('structure')

    await bed.run()

    expect(back).toBeDefined()
    const publications = await bed.store.records.publications.list(10)
    expect(publications.at(-1)?.state).toBe('rolled-back')
    expect(publications.filter(isOpen)).toEqual([])
    expect(bed.fake.deployments).toContainEqual([{ version_id: before[0]?.split(' ')[0], percentage: 100 }])
  })

  it('is refused where nothing is to be taken back', async () => {
    await using bed = await startedBed()

    await expect(bed.publisher.rollback(operator)).rejects.toMatchObject({ code: 'edge-nothing-to-roll-back' })
  })

  it('stands in the audit beside the publication, each with its reason', async () => {
    await using bed = await startedBed()
    await bed.publisher.publish(operator)
    await bed.run()
    await bed.publisher.rollback({ ...operator, reason: 'too slow' })

    const entries = await bed.store.records.audit.list(0, 10)
    expect(entries.map(({ action, object, actor, reason }) => [action, object, actor, reason])).toEqual([
      ['edge.publish', 'tidegate-edge', 'eve', 'by hand'],
      ['edge.rollback', 'tidegate-edge', 'eve', 'too slow'],
    ])
    expect(await verifyAudit(bed.store)).toMatchObject({ valid: true })
  })
})

describe('a publisher whose API fails', () => {
  it('waits as long as it is told, tries again, and says what is wrong meanwhile', async () => {
    await using bed = await startedBed()
    let failures = 3
    bed.onCall = () => (failures-- > 0 ? { kind: 'status', status: 429, retryAfter: '90' } : fine)
    bed.newTable('structure')
    const before = bed.clock.now()

    await bed.run(80_000)
    expect(bed.publisher.health).toMatchObject({ state: 'failing', because: expect.stringContaining('429') })
    await bed.run()

    const { startedAt = 0, state } = (await bed.newest()) ?? {}
    expect(startedAt - before).toBeGreaterThanOrEqual(3 * 90_000)
    expect(state).toBe('confirmed')
    expect(bed.publisher.health).toEqual({ state: 'working', because: '' })
  })

  it('is asked at most once in each back-off, however many tables come meanwhile', async () => {
    await using bed = await startedBed()
    bed.onCall = () => ({ kind: 'status', status: 500 })
    bed.newTable('structure')
    await bed.run(minute)
    const calls = bed.fake.calls.length

    for (let flip = 0; flip < 500; flip++) {
      bed.newTable('placements')
      await bed.publisher.advance()
    }

    expect(bed.fake.calls.length).toBe(calls)
  })

  it('sends nothing more once its token was refused, until a person publishes', async () => {
    await using bed = await startedBed()
    await bed.publisher.publish(operator)
    bed.onCall = () => ({ kind: 'status', status: 403 })
    await bed.run()
    const calls = bed.fake.calls.length
    bed.newTable('structure')
    await bed.run()

    expect(bed.publisher.health.state).toBe('halted')
    expect(bed.fake.calls.length).toBe(calls)
    bed.onCall = () => fine
    await bed.publisher.publish(operator)
    await bed.run()
    expect((await bed.newest())?.state).toBe('confirmed')
  })
})
