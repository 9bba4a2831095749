import { describe, expect, it } from 'vitest'
import {
  type EntityTag,
  parseEntityTag,
  parseEntityTags,
  strongMatch,
  tagListLimit,
  weakMatch,
} from '../../../../gateway/cache/policy/entity-tag.ts'

const tag = (text: string): EntityTag => parseEntityTag(text) as EntityTag

describe('an entity-tag', () => {
  it.each([
    ['"a"', 'strong'],
    ['""', 'strong'],
    ['"a,b"', 'strong'],
    ['"a\\"', 'strong'],
    ['"\xe9"', 'strong'],
    ['W/"a"', 'weak'],
    ['W/""', 'weak'],
    ['w/"a"', 'odd'],
    ['W/a', 'odd'],
    ['W/ "a"', 'odd'],
    ['a', 'odd'],
    ['"a', 'odd'],
    ['a"', 'odd'],
    ['"', 'odd'],
    ['"a"b"', 'odd'],
    ['"a b"', 'odd'],
    ['"a\0"', 'odd'],
    ['"a\x7f"', 'odd'],
    ["'a'", 'odd'],
  ])('Cache P6: %s is %s', (text, kind) => {
    expect(tag(text).kind).toBe(kind)
    expect(tag(text).text).toBe(text)
  })

  it('Cache P6: an empty one names nothing', () => {
    expect(parseEntityTag('')).toBeUndefined()
  })

  it.each([
    ['"a"', '"a"', true, true],
    ['"a"', 'W/"a"', false, true],
    ['W/"a"', 'W/"a"', false, true],
    ['"a"', '"A"', false, false],
    ['"a"', '"b"', false, false],
    ['a', 'a', false, true],
    ['a', '"a"', false, false],
    ['W/a', 'a', false, false],
    ['W/"a', '"a', false, false],
    ['w/"a"', '"a"', false, false],
    ['w/"a"', 'w/"a"', false, true],
  ])('Cache P6: %s and %s are the same strongly: %s, weakly: %s', (one, other, strong, weak) => {
    expect([strongMatch(tag(one), tag(other)), strongMatch(tag(other), tag(one))]).toEqual([strong, strong])
    expect([weakMatch(tag(one), tag(other)), weakMatch(tag(other), tag(one))]).toEqual([weak, weak])
  })

  it.each<[string[], readonly string[] | '*']>([
    [['"a", W/"b",c'], ['"a"', 'W/"b"', 'c']],
    [['"a,b" , "c"'], ['"a,b"', '"c"']],
    [['"a\\", "b"'], ['"a\\"', '"b"']],
    [
      ['"a"', '"b"'],
      ['"a"', '"b"'],
    ],
    [[', ,\t"a",,'], ['"a"']],
    [['*'], '*'],
    [[' * '], '*'],
    [['"a", *'], '*'],
    [['"*"'], ['"*"']],
    [['"a, "b"'], ['"a, "b"']],
    [
      ['"a, b', '"c"'],
      ['"a, b', '"c"'],
    ],
    [[''], []],
    [[], []],
  ])('Cache P6: the list %j has the members %j', (lines, members) => {
    const tags = parseEntityTags(lines)

    expect(tags === '*' ? tags : tags.map(({ text }) => text)).toEqual(members)
  })

  it('Cache P6: a list without end is read up to a limit', () => {
    expect(parseEntityTags(['"a",'.repeat(20_000)])).toHaveLength(tagListLimit)
  })
})
