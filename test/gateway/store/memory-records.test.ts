import { describe, expect, it } from 'vitest'
import { MemoryRecords } from '../../../gateway/store/memory-records.ts'
import { emptyRecord, invalidation } from '../../../gateway/store/tag-record.ts'

describe('the records of a memory', () => {
  it('stay within their limit, and one that is made again knows of nothing before what was lost', () => {
    const records = new MemoryRecords(2)
    records.merge('a', invalidation(7n, undefined))
    records.merge('b', invalidation(5n, undefined))
    expect(records.make('c')).toEqual(emptyRecord)

    expect(records.get('a')).toBeUndefined()
    expect(records.make('a')).toEqual({ ...emptyRecord, since: 7n })
    records.merge('b', invalidation(3n, undefined))
    expect(records.get('b')).toMatchObject({ since: 7n, hard: 3n })
  })

  it('are not made twice', () => {
    const records = new MemoryRecords(2)
    records.merge('a', invalidation(7n, 60))

    expect(records.make('a')).toMatchObject({ soft: 7n, softMs: 60, since: 0n })
  })
})
