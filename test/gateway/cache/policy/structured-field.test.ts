import { describe, expect, it } from 'vitest'
import { listLimit } from '../../../../gateway/cache/policy/fields.ts'
import { dictionaryLimit, readDictionary, readStringList } from '../../../../gateway/cache/policy/structured-field.ts'

describe('a structured field', () => {
  it.each([
    ['a', { kind: 'boolean', value: true }],
    ['a=?0', { kind: 'boolean', value: false }],
    ['a=10', { kind: 'integer', value: 10 }],
    ['a=-10', { kind: 'integer', value: -10 }],
    ['a=1;b=2.0', { kind: 'integer', value: 1 }],
    ['b.a=1.0, a=1', { kind: 'integer', value: 1 }],
    ['a=1.0, a=1', { kind: 'integer', value: 1 }],
    ['a="x"', { kind: 'string', value: 'x' }],
    ['a=10.0', { kind: 'other' }],
    ['b=1,a=-10.0', { kind: 'other' }],
    ['a=1, a=1.0', { kind: 'other' }],
    ['a=x', { kind: 'other' }],
    ['a=(1 2)', { kind: 'other' }],
    ['a=:aGk=:', { kind: 'other' }],
    ['a=@10', { kind: 'other' }],
    ['a=%"x"', { kind: 'other' }],
  ])('Cache P7: %s gives a member of its own type', (line, member) => {
    expect(readDictionary([line])?.get('a')).toEqual(member)
  })

  it.each([
    ['an upper-case key', 'a=1, B=2'],
    ['a trailing comma', 'a=1,'],
    ['an empty member', 'a=1,,b=2'],
    ['a space around =', 'a = 1'],
    ['a quote that is never closed', 'a="x'],
    ['a byte that is not ASCII', 'a="\xe9"'],
    ['an escape that is none', 'a="\\x"'],
    ['a bare value', '10'],
    ['a number of 16 digits', 'a=1234567890123456'],
    ['four digits behind the point', 'a=1.2345'],
    ['NUL', 'a=1\0'],
    ['text behind a member', 'a=1 b=2'],
  ])('Cache P7: one error, such as %s, voids the whole field', (_, line) => {
    expect(readDictionary([line])).toBeUndefined()
    expect(readDictionary([line, 'c=3'])).toBeUndefined()
  })

  it('Cache P7: lines are one field, the last of two equal keys counts, and keys are only text', () => {
    expect([...(readDictionary(['a=1', 'b=2', 'a=3']) ?? [])]).toEqual([
      ['a', { kind: 'integer', value: 3 }],
      ['b', { kind: 'integer', value: 2 }],
    ])
    expect(readDictionary(['a', '']) ?? 'void').toBe('void')
    expect(readDictionary(['*__proto__=1'])?.get('*__proto__')).toEqual({ kind: 'integer', value: 1 })
  })

  it('Cache P7: a list is one of strings or none', () => {
    expect(readStringList(['"a";x=1, "b, c"', '"A"'])).toEqual(['a', 'b, c', 'A'])
    expect(readStringList([''])).toEqual([])
    for (const line of ['a', '"a", 1', '"a", ("b")', '"a",', '"a" "b"', "'a'"])
      expect(readStringList([line])).toBeUndefined()
  })

  it('Cache P7: one beyond the limit is unreadable', () => {
    const fits = `a="${'x'.repeat(dictionaryLimit - 4)}"`

    expect(readDictionary([fits])?.size).toBe(1)
    expect(readDictionary([`${fits} `])).toBeUndefined()
    expect(readStringList([`"${'x'.repeat(listLimit)}"`])).toBeUndefined()
  })
})
