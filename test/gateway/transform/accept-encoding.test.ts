import { describe, expect, it } from 'vitest'
import { chooseCoding } from '../../../gateway/transform/accept-encoding.ts'

describe('the coding of an answer', () => {
  it.each([
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip;q=1.0, br;q=0.5', 'gzip'],
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    ['*', 'br'],
    ['*;q=0.1, zstd', 'zstd'],
    ['br;q=0, *', 'zstd'],
    ['gzip;q=0', undefined],
    ['*;q=0', undefined],
    ['identity, gzip;q=0.5', undefined],
    ['identity;q=0.5, gzip', 'gzip'],
    ['deflate', undefined],
    ['', undefined],
    ['gzip;q=2', undefined],
    ['gzip;q=yes', undefined],
    ['gzip ; q=0.2 , br ; q=0.1', 'gzip'],
  ])('for %j is %s', (accept, expected) => {
    expect(chooseCoding(accept, ['br', 'zstd', 'gzip'])).toBe(expected)
  })
})
