import { describe, expect, it } from 'vitest'
import { asClause, type Fault, inOrder, listed, pointerTo, printFault, shown } from '#routes/fault.ts'

const fault: Fault = {
  file: 'services/orders.yaml',
  line: 14,
  column: 3,
  pointer: '/time-out',
  value: '"time-out"',
  expected: 'unknown',
}

describe('a fault is one line that an editor can jump to', () => {
  it('place, value, what is wrong', () => {
    expect(printFault(fault)).toBe('services/orders.yaml:14:3 "time-out": unknown')
  })

  it('with its fix and the other place of a conflict', () => {
    const also = { file: 'services/users.yaml', line: 2, column: 5 }
    expect(printFault({ ...fault, fix: 'did you mean "timeout"?', also })).toBe(
      'services/orders.yaml:14:3 "time-out": unknown; did you mean "timeout"? (the other: services/users.yaml:2:5)',
    )
  })
})

describe('a value is shown', () => {
  it.each([
    ['a\nb', '"a\\nb"'],
    [5, '5'],
    [null, 'nothing'],
    [undefined, 'nothing'],
    [[1], 'a list'],
    [{ a: 1 }, 'a mapping'],
    ['x'.repeat(500), `"${'x'.repeat(80)}..."`],
    ['http://admin:secret@orders:80/', '"http://***@orders:80/"'],
  ])('%j as %s', (value, text) => expect(shown(value)).toBe(text))
})

it('faults stand in the order of file, line and column', () => {
  const at = (file: string, line: number, column: number) => ({ file, line, column })
  const sorted = [at('a', 1, 1), at('a', 1, 5), at('a', 10, 1), at('b', 2, 1)]

  expect(inOrder(sorted.toReversed())).toEqual(sorted)
})

it('a pointer escapes what would part it', () => expect(pointerTo('/a', 'b/c~d')).toBe('/a/b~1c~0d'))

it('words are listed as one says them', () => {
  expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map((words) => listed(words))).toEqual([
    '',
    'a',
    'a or b',
    'a, b or c',
  ])
})

it('a sentence becomes a clause', () => {
  expect(asClause('A path begins with "/".')).toBe('a path begins with "/"')
  expect(asClause('GET only.')).toBe('GET only')
})
