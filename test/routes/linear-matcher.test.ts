import { describe, expect, it } from 'vitest'
import { linearMatch } from '#routes/linear-matcher.ts'
import { patternOf } from '../properties/generators/catalogs.ts'

/** The rules as DESIGN states them, one by one: the oracle itself has no oracle but these. */
describe('the oracle', () => {
  const match = (paths: string[], key: string) =>
    paths[
      linearMatch(
        paths.map((path) => ({ pattern: patternOf(path) })),
        '',
        key,
        'GET',
      )
    ]

  it('ranks segment by segment from the left', () => {
    expect(match(['/{x}/b', '/a/**'], '/a/b')).toBe('/a/**')
    expect(match(['/{x}:c/**', '/{x}/b'], '/1:c/b')).toBe('/{x}:c/**')
    expect(match(['/{x}:c', '/{x}:b:c'], '/1:b:c')).toBe('/{x}:b:c')
    expect(match(['/files/**', '/files'], '/files')).toBe('/files')
  })

  it('wants at least one character for a parameter', () => {
    expect(match(['/a/{x}'], '/a/')).toBeUndefined()
    expect(match(['/a/{x}:c'], '/a/:c')).toBeUndefined()
  })

  it('ranks hosts before paths and methods after them', () => {
    const routes = [
      { pattern: patternOf('/a') },
      { host: '*.example.com', pattern: patternOf('/**') },
      { host: '*.b.example.com', pattern: patternOf('/{x}'), methods: ['GET'] },
      { host: '*.b.example.com', pattern: patternOf('/{x}') },
    ]

    expect(linearMatch(routes, 'other.test', '/a', 'GET')).toBe(0)
    expect(linearMatch(routes, 'c.example.com', '/a', 'GET')).toBe(1)
    expect(linearMatch(routes, 'c.b.example.com', '/a', 'HEAD')).toBe(2)
    expect(linearMatch(routes, 'c.b.example.com', '/a', 'POST')).toBe(3)
  })
})
