import { expect, it } from 'vitest'
import type { NodeRecords } from '../../../gateway/store/node-records.ts'
import { RecordPlaces } from '../../../gateway/store/record-places.ts'
import { tagRecordKey } from '../../../gateway/store/tag-key.ts'

const records = {} as NodeRecords

it('the records of a request’s tags are looked for once, and again for another namespace or other tags', () => {
  const asked: string[] = []
  const places = new RecordPlaces((key) => {
    asked.push(key)
    return records
  })
  const tags = { exact: ['a'], scopes: ['b'] }

  const first = places.of('shop', tags)
  expect(first).toEqual([
    { records, kind: 'tag', name: 'a', key: tagRecordKey('shop', 'tag', 'a') },
    { records, kind: 'scope', name: 'b', key: tagRecordKey('shop', 'scope', 'b') },
  ])
  expect(places.of('shop', tags)).toBe(first)
  expect(asked).toHaveLength(2)

  expect(places.of('other', tags)?.[0]?.key).toBe(tagRecordKey('other', 'tag', 'a'))
  expect(places.of('other', { ...tags })).toEqual(places.of('other', tags))
  expect(asked).toHaveLength(6)
})

it('tags that could not all be kept have none', () => {
  const places = new RecordPlaces(() => records)

  expect(places.of('shop', { exact: ['a', ''], scopes: [] })).toBeUndefined()
  expect(places.of('shop', { exact: [], scopes: [] })).toEqual([])
})
