import { describe, expect, it } from 'vitest'
import { contentTags } from '../../../../gateway/cache/policy/content-tags.ts'

const count = (prefix: string, many: number, separator: string): string =>
  Array.from({ length: many }, (_, at) => `${prefix}${at}`).join(separator)

describe('tags that a service gives its answer', () => {
  it.each<[string[], readonly string[]]>([
    [[], []],
    [
      ['Surrogate-Key', 'a b'],
      ['t:a', 't:b'],
    ],
    [
      ['surrogate-key', ' a\tb ', 'Surrogate-Key', 'c'],
      ['t:a', 't:b', 't:c'],
    ],
    [['Surrogate-Key', 'a,b'], ['t:a,b']],
    [
      ['Cache-Tag', 'a, b,,c'],
      ['t:a', 't:b', 't:c'],
    ],
    [
      ['Cache-Tag', 'order:1', 'Surrogate-Key', 'order:1 Order:1'],
      ['t:order:1', 't:Order:1'],
    ],
    [['Cache-Tag', '', 'Surrogate-Key', '  '], []],
    [['Cache-Tag', '"a"'], ['t:"a"']],
    [['Surrogate-Key', '__proto__'], ['t:__proto__']],
  ])('Cache N4: %j gives %j', (headers, tags) => {
    expect(contentTags(headers)).toEqual(tags)
  })

  it.each([
    ['128 bytes', 'x'.repeat(128), ['t:'.concat('x'.repeat(128))]],
    ['129 bytes', 'x'.repeat(129), 'too-many'],
    ['a byte that is not ASCII', 'caf\xe9', 'too-many'],
    ['a control byte', 'a\x7f', 'too-many'],
    ['NUL', 'a\0', 'too-many'],
  ])('Cache N4: a tag with %s is taken as it is, or the answer is not stored', (_, tag, tags) => {
    expect(contentTags(['Surrogate-Key', tag])).toEqual(tags)
    expect(contentTags(['Cache-Tag', tag])).toEqual(tags)
  })

  it('Cache N4: a space within a tag of Cache-Tag makes it none', () => {
    expect(contentTags(['Cache-Tag', 'a b'])).toBe('too-many')
  })

  it('Cache N4: 50 are the most, of both fields and groups together', () => {
    const groups = count('"g', 10, '", ').concat('"')

    expect(contentTags(['Surrogate-Key', count('a', 50, ' ')])).toHaveLength(50)
    expect(contentTags(['Surrogate-Key', count('a', 51, ' ')])).toBe('too-many')
    expect(
      contentTags(['Surrogate-Key', count('a', 20, ' '), 'Cache-Tag', count('b', 20, ','), 'Cache-Groups', groups]),
    ).toHaveLength(50)
    expect(
      contentTags(['Surrogate-Key', count('a', 21, ' '), 'Cache-Tag', count('b', 20, ','), 'Cache-Groups', groups]),
    ).toBe('too-many')
    expect(contentTags(['Surrogate-Key', 'a '.repeat(200)])).toEqual(['t:a'])
  })

  it('Cache N4: fields too long to be read leave no tag behind', () => {
    expect(contentTags(['Surrogate-Key', 'a '.repeat(5000)])).toBe('too-many')
    expect(contentTags(['Cache-Tag', 'a,'.repeat(5000)])).toBe('too-many')
    expect(contentTags(['Cache-Groups', `"${'a'.repeat(9000)}"`])).toBe('too-many')
  })

  it.each<[string[], readonly string[]]>([
    [
      ['Cache-Groups', '"a", "B b";x=1'],
      ['g:a', 'g:B b'],
    ],
    [
      ['cache-groups', '"a"', 'Cache-Groups', '"b", "a"'],
      ['g:a', 'g:b'],
    ],
    [['Cache-Groups', '"a", b'], []],
    [['Cache-Groups', 'a'], []],
    [['Cache-Groups', '"a",'], []],
    [['Cache-Groups', '"a", 1'], []],
    [['Cache-Groups', '"a", ("b")'], []],
    [['Cache-Groups', ''], []],
    [['Cache-Groups', '"caf\xe9"'], []],
  ])('Cache N5: %j gives the groups %j', (headers, tags) => {
    expect(contentTags(headers)).toEqual(tags)
  })

  it('Cache N5: a group is not a tag of the same name', () => {
    expect(contentTags(['Cache-Groups', '"a"', 'Cache-Tag', 'a'])).toEqual(['t:a', 'g:a'])
    expect(contentTags(['Cache-Groups', `"${'a'.repeat(128)}"`])).toHaveLength(1)
    expect(contentTags(['Cache-Groups', `"${'a'.repeat(129)}"`])).toBe('too-many')
  })
})
