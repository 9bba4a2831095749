import { describe, expect, it } from 'vitest'
import { facts, percent, table, time } from '../../../control-plane/cli/print.ts'

describe('a table', () => {
  const columns = [
    { head: 'name', of: (row: { name?: string; n: number }) => row.name },
    { head: 'n', of: (row: { n: number }) => row.n, right: true },
  ]

  it('is aligned, with numbers at the right and no space at the end of a line', () => {
    expect(table([{ name: 'orders', n: 7 }, { n: 1000 }], columns)).toBe('NAME       N\norders     7\n-       1000')
  })

  it('of nothing is its head', () => {
    expect(table([], columns)).toBe('NAME  N')
  })

  it('counts characters as people do', () => {
    const [, first, second] = table(
      [
        { name: 'zażółć', n: 1 },
        { name: 'abcdef', n: 1 },
      ],
      columns,
    ).split('\n')

    expect([...(first ?? '')].length).toBe([...(second ?? '')].length)
  })

  it('shows control characters instead of sending them to the terminal', () => {
    expect(table([{ name: 'a\u001b[31mb', n: 1 }], columns)).toContain('a\\u001b[31mb')
  })
})

describe('facts', () => {
  it('leave out what is not known', () => {
    expect(facts({ site: 'cloud', bucket: undefined, epoch: 3 })).toBe('site   cloud\nepoch  3')
  })
})

describe('shares and times', () => {
  it('are written for people', () => {
    expect(percent(1250)).toBe('12.5 %')
    expect(time(0)).toBe('1970-01-01 00:00:00Z')
  })
})
