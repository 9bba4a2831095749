import { describe, expect, it } from 'vitest'
import { count, counterText, isCounterStep, readCounter } from '../../../gateway/cache-api/counter.ts'

const most = (1n << 64n) - 1n

describe('a counter', () => {
  it('goes round at the top and stops at 0', () => {
    expect(count(most, 1n)).toBe(0n)
    expect(count(most, most)).toBe(most - 1n)
    expect(count(3n, -5n)).toBe(0n)
    expect(count(5n, -5n)).toBe(0n)
    expect(count(5n, -most)).toBe(0n)
    expect(isCounterStep(most)).toBe(true)
    expect(isCounterStep(-most - 1n)).toBe(false)
  })

  it('is never shorter than the text in whose place it stands', () => {
    expect(String(counterText(9n, 2))).toBe('9 ')
    expect(String(counterText(100n, 2))).toBe('100')
    expect(readCounter(counterText(9n, 20))).toBe(9n)
  })

  it('is read from the beginning of a text, however long that is', () => {
    expect(readCounter(Buffer.from(`90 ${'x'.repeat(100_000)}`))).toBe(90n)
    expect(readCounter(Buffer.from('1'.repeat(5_000)))).toBeUndefined()
  })
})
