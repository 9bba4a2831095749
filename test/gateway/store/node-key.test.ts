import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isNamespace, nodeKey } from '../../../gateway/store/node-key.ts'

const namespace = fc.stringMatching(/^[a-z0-9-]{1,32}$/)

describe('the node key', () => {
  it('is one that a memcached node takes, for every key', () => {
    fc.assert(
      fc.property(namespace, fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (ns, key) => {
        const made = nodeKey(ns, key)
        if (made === undefined) return
        expect(made.text.length).toBeLessThanOrEqual(250)
        // biome-ignore lint/suspicious/noControlCharactersInRegex: control bytes are what is looked for
        expect(made.text).toMatch(/^[^\u0000-\u0020\u007f\u0100-\uffff]+$/)
      }),
      { numRuns: 50 },
    )
  })

  it('is different for different keys', () => {
    const key = fc.oneof(
      fc.string({ unit: 'binary', minLength: 1, maxLength: 5 }),
      fc.constantFrom('~', '~a', 'a b', 'a/b', '/', '//'),
    )
    fc.assert(
      fc.property(namespace, namespace, key, key, (nsA, nsB, a, b) => {
        const madeA = nodeKey(nsA, a)
        if (nsA === nsB && a === b) return
        if (madeA !== undefined) expect(madeA.text).not.toBe(nodeKey(nsB, b)?.text)
      }),
    )
  })

  it('is the key itself as long as that is possible', () => {
    expect(nodeKey('shop', 'order:42')).toEqual({ text: 'shop/order:42', hashed: false })
    expect(nodeKey('shop', 'k'.repeat(245))?.hashed).toBe(false)
    expect(nodeKey('shop', 'k'.repeat(246))?.hashed).toBe(true)
    expect(nodeKey('shop', '~x')?.hashed).toBe(true)
    expect(nodeKey('shop', 'a b')?.text).toMatch(/^shop\/~[\w-]{43}$/)
  })

  it('exists only for namespaces and keys of the allowed form', () => {
    for (const ns of ['', 'Shop', 'a_b', 'a/b', 'n'.repeat(33)]) expect(isNamespace(ns)).toBe(false)
    expect(nodeKey('shop', '')).toBeUndefined()
    expect(nodeKey('shop', 'k'.repeat(1025))).toBeUndefined()
    expect(nodeKey('shop', '\ud800')).toBeUndefined()
  })
})
