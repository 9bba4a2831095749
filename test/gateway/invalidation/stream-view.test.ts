import { describe, expect, it } from 'vitest'
import {
  gapIn,
  isBefore,
  type Remembered,
  readLook,
  removalOf,
  type StreamView,
  textIn,
} from '../../../gateway/invalidation/stream-view.ts'

const whole: StreamView = {
  ...{ length: 10, added: 10, first: '1-0', last: '10-0', removed: undefined, delivered: '4-0', read: 4 },
}
const fresh: Remembered = { last: '0-0', handled: undefined }
const of = (more: Partial<StreamView>, remembered = fresh) => gapIn({ ...whole, ...more }, remembered)

describe('a gap in a stream', () => {
  it('Store V4: is there when more went than the group has read, and not before', () => {
    expect(of({})).toBeUndefined()
    expect(of({ length: 6, first: '5-0' })).toBeUndefined()
    expect(of({ length: 5, first: '6-0' })).toBe('trimmed')
    expect(of({ length: 0, first: undefined })).toBe('trimmed')
    expect(of({ length: 0, first: undefined, delivered: '10-0', read: 10 })).toBeUndefined()
  })

  it('Store V4: is there when an unread entry was removed by its id, though the counts are right', () => {
    expect(of({ length: 9, removed: '3-0' })).toBeUndefined()
    expect(of({ length: 9, removed: '7-0' })).toBe('trimmed')
  })

  it('Store V4: is seen without counts by the oldest entry that is there', () => {
    const old = { added: undefined, read: undefined }
    expect(of({ ...old, first: '4-0' })).toBeUndefined()
    expect(of({ ...old, first: '5-0' })).toBe('trimmed')
    expect(of({ ...old, length: 0, first: undefined })).toBe('trimmed')
    expect(of({ ...old, length: 0, first: undefined, delivered: '10-0' })).toBeUndefined()
    // Redis 7 does not always know how many a group has read; that nothing ever went is enough.
    expect(of({ read: undefined, delivered: '0-0' })).toBeUndefined()
    expect(of({ read: undefined, length: 9, first: '5-0' })).toBe('trimmed')
  })

  it('Store V4: is there when the stream knows less than it did, even one that was dealt with', () => {
    expect(of({}, { last: '10-1', handled: removalOf(whole) })).toBe('rewound')
    expect(of({}, { last: '10-0', handled: undefined })).toBeUndefined()
  })

  it('is one no more when it was dealt with, until something else is removed', () => {
    const gap = { ...whole, length: 5, first: '6-0' }
    const handled = removalOf(gap)

    expect(gapIn(gap, { last: '0-0', handled })).toBeUndefined()
    expect(gapIn({ ...gap, length: 4, first: '7-0' }, { last: '0-0', handled })).toBe('trimmed')
  })
})

describe('what Redis answers', () => {
  it('orders ids by both their parts, however long they are', () => {
    expect(isBefore('9-0', '10-0')).toBe(true)
    expect(isBefore('5-9', '5-10')).toBe(true)
    expect(isBefore('5-18446744073709551614', '5-18446744073709551615')).toBe(true)
    expect(isBefore('5-1', '5-1')).toBe(false)
  })

  it('tells nothing read from nothing there', () => {
    const answer = (entries: unknown) => ['view', 'its life', 3, -1, '', '3-0', '', '2-0', -1, 1, entries]
    const entriesOf = (entries: unknown) => {
      const look = readLook(answer(entries))
      return look.view === undefined ? look : look.entries
    }

    expect(entriesOf('unread')).toBeUndefined()
    expect(entriesOf(null)).toEqual([])
    expect(entriesOf([['key', [['3-0', ['event', 'x']]]]])).toEqual([{ id: '3-0', fields: ['event', 'x'] }])
    expect(readLook(['no-group', '', 0])).toEqual({ view: undefined, life: '', isWhole: true })
    expect(readLook(['no-group', 'its life', -1])).toEqual({ view: undefined, life: 'its life', isWhole: false })
  })

  it('finds the event among the fields of an entry', () => {
    expect(textIn(['other', 'event', 'event', '{}'])).toBe('{}')
    expect(textIn(['key', 'k', 'value', '{}'])).toBe('{}')
    expect(textIn(['value'])).toBeUndefined()
  })
})
