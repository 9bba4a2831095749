import { describe, expect, it } from 'vitest'
import { nodeKey } from '../../../gateway/store/node-key.ts'
import {
  areTags,
  exactTagLimit,
  isNamespaceRecordKey,
  isTagName,
  namespaceRecordKey,
  scopeLimit,
  tagRecordKey,
} from '../../../gateway/store/tag-key.ts'

describe('the key of a record', () => {
  it('is short whatever the tag, and another one for each kind, tag and namespace', () => {
    const long = 'x'.repeat(250)
    const keys = [
      tagRecordKey('shop', 'tag', 'a'),
      tagRecordKey('shop', 'scope', 'a'),
      tagRecordKey('shop', 'tag', 'b'),
      tagRecordKey('other', 'tag', 'a'),
      tagRecordKey('shop', 'tag', long),
      namespaceRecordKey('shop'),
    ]

    expect(new Set(keys).size).toBe(keys.length)
    for (const key of keys) expect(key).toMatch(/^[a-z]+\/~(?:[ts]\/[\w-]{22}|g)$/)
    expect(keys.filter(isNamespaceRecordKey)).toEqual(['shop/~g'])
  })

  it('is the key of no item', () => {
    for (const record of [namespaceRecordKey('shop'), tagRecordKey('shop', 'tag', 'a')]) {
      expect(nodeKey('shop', record.slice('shop/'.length))?.text).not.toBe(record)
    }
    // An item can end like the record of a namespace, not be it.
    expect(nodeKey('shop', 'x/~g')?.text).toBe('shop/x/~g')
  })
})

describe('a tag', () => {
  it('is 1 to 250 bytes of text without control bytes', () => {
    expect(['a', 'order:1', 'größe', 'a b', 'x'.repeat(250)].every(isTagName)).toBe(true)
    expect(['', 'x'.repeat(251), 'ö'.repeat(126), 'a\n', '\u007f', 'lone \ud800'].some(isTagName)).toBe(false)
  })

  it('comes with at most 63 others and 16 scopes', () => {
    const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${i}`)

    expect(areTags({ exact: many(exactTagLimit), scopes: many(scopeLimit) })).toBe(true)
    expect(areTags({ exact: many(exactTagLimit + 1), scopes: [] })).toBe(false)
    expect(areTags({ exact: [], scopes: many(scopeLimit + 1) })).toBe(false)
    expect(areTags({ exact: ['a'], scopes: [''] })).toBe(false)
  })
})
