import { describe, expect, it } from 'vitest'
import type { BatchHeader } from '../../../gateway/replication/batch.ts'
import { type Found, hear, markAfter } from '../../../gateway/replication/replication-ledger.ts'

const now = 1_000_000
const log = { after: 5, first: 0, count: 0 }
const header: BatchHeader = {
  v: 2,
  site: 'here',
  place: 'p',
  journal: 'j1',
  writer: 7,
  lane: 0,
  head: 10,
  debt: 0,
  waiting: 0,
  now,
  invalidations: log,
  values: log,
  bumps: [],
}
const row = { site: 'here', place: 'p', journal: 'j1', writer: 7, debt: 0, nowMs: now - 100, behindMs: 0, ageMs: 100 }
const mark = { journal: 'j1', head: 9, nowMs: now - 100, invalidations: 5, values: 5 }
const known: Found = { row, mark }
const unknown: Found = { row: undefined, mark: undefined }

describe('what a batch says of its writer', () => {
  it('Store J6: nothing is missing when it goes on where it was, or is heard for the first time', () => {
    expect(hear(known, header).gap).toBeUndefined()
    expect(hear(unknown, header).gap).toBeUndefined()
    // A lane that was never heard here, of a writer that is known.
    expect(hear({ row, mark: undefined }, { ...header, invalidations: { ...log, after: 900 } }).gap).toBeUndefined()
    // Sent again, since an acknowledgement was lost.
    expect(hear(known, { ...header, invalidations: { ...log, after: 3 } }).gap).toBeUndefined()
  })

  it('Store J6: something may be missing when its journal is another one', () => {
    expect(hear(known, { ...header, journal: 'j2', head: 0 }).gap).toBe('journal-replaced')
    // Of one that was never heard of here, only the sender knows that an earlier life of it is gone.

    expect(hear(unknown, { ...header, afterLoss: true }).gap).toBe('journal-replaced')
    expect(hear(unknown, header).gap).toBeUndefined()
    expect(hear(known, { ...header, afterLoss: true }).gap).toBeUndefined()
  })

  it('Store J6: something may be missing when its numbers fall: it was set back to an older state', () => {
    expect(hear(known, { ...header, head: 8 }).gap).toBe('head-fell')
  })

  it('Store J6: something may be missing when it believes that more is here than is', () => {
    expect(hear(known, { ...header, invalidations: { ...log, after: 6 } }).gap).toBe('batch-missed')
    expect(hear(known, { ...header, values: { ...log, after: 6 } }).gap).toBe('batch-missed')
  })

  it('a batch that was overtaken on the way is no sign of anything', () => {
    const late = { ...header, now: now - 5_000, head: 4 }

    expect(hear(known, late).gap).toBeUndefined()
    expect(hear(known, { ...late, journal: 'j0' })).toEqual({ gap: undefined, row: undefined })
    // A clock that was set back by an hour is not an hour's delay.
    expect(hear(known, { ...late, now: now - 3_600_000 }).gap).toBe('head-fell')
  })

  it('Store J7: after a silence it is behind until what was written before is here', () => {
    const silent = { ...known, row: { ...row, ageMs: 2_001 } }

    expect(hear(silent, { ...header, waiting: 0 }).row?.behindMs).toBe(0)
    expect(hear(silent, { ...header, waiting: now - 1_500 }).row?.behindMs).toBe(now)

    const behind = { ...known, row: { ...row, behindMs: now - 100 } }
    expect(hear(behind, { ...header, waiting: now - 101 }).row?.behindMs).toBe(now - 100)
    expect(hear(behind, { ...header, waiting: now - 100 }).row?.behindMs).toBe(now - 100)
    expect(hear(behind, { ...header, waiting: now - 99 }).row?.behindMs).toBe(0)
    expect(hear(behind, header).row?.behindMs).toBe(0)
  })

  it('Store J7: one that was not silent is not behind, however much it has to tell; a new one is if it waited for long', () => {
    expect(hear(known, { ...header, waiting: now - 60_000 }).row?.behindMs).toBe(0)
    expect(hear(unknown, { ...header, waiting: now - 1_900 }).row?.behindMs).toBe(0)
    expect(hear(unknown, { ...header, waiting: now - 2_100 }).row?.behindMs).toBe(now)
  })

  it('leaves a mark that never falls, but for another journal or after a gap', () => {
    const through = { invalidations: 4, values: 8 }

    expect(markAfter(mark, { ...header, head: 12 }, through, undefined)).toEqual({
      journal: 'j1',
      head: 12,
      nowMs: now,
      invalidations: 5,
      values: 8,
    })
    const fallen = { journal: 'j1', head: 3, nowMs: now, ...through }
    expect(markAfter(mark, { ...header, head: 3 }, through, 'head-fell')).toEqual(fallen)
    expect(markAfter(mark, { ...header, journal: 'j2', head: 3 }, through, 'journal-replaced').journal).toBe('j2')
  })
})
