import { describe, expect, it } from 'vitest'
import { canonicalTarget, unsafeBit, unsafeClasses } from '#routes/canonical-target.ts'
import { corpus } from './corpus.ts'

describe('a canonical target', () => {
  it.each(corpus('targets.txt'))('of $input is $expected', ({ input, expected }) => {
    const { key, unsafe } = canonicalTarget(input)

    const [quoted] = /^"(?:[^"\\]|\\.)*"/.exec(expected) ?? ['']
    expect(key).toBe(JSON.parse(quoted))
    expect(unsafeClasses(unsafe).join(', ') || 'safe').toBe(expected.slice(quoted.length).trim())
  })

  it('keeps the query as it was sent', () => {
    expect(canonicalTarget('/a?b=%2e%2e/../#?c').query).toBe('?b=%2e%2e/../#?c')
    expect(canonicalTarget('/%61?').query).toBe('?')
    expect(canonicalTarget('/a').query).toBe('')
  })

  it('is the very string that came in when there is nothing to change', () => {
    const raw = `/v1/orders/${'4'.repeat(20)}`

    expect(canonicalTarget(raw)).toEqual({ key: raw, query: '', unsafe: 0 })
  })

  it('names each class by its own bit', () => {
    const bits = unsafeClasses(-1).map(unsafeBit)

    expect(bits).toHaveLength(8)
    expect(new Set(bits).size).toBe(8)
    expect(bits.flatMap(unsafeClasses)).toEqual(unsafeClasses(-1))
  })
})
