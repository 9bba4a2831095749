import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalTarget } from '#routes/canonical-target.ts'
import { captureParameters } from '#routes/pattern.ts'
import { rawCaptures, rawOffset } from '../../../gateway/transform/raw-captures.ts'

describe('captures', () => {
  it('are the bytes that the client wrote, not what they decode to', () => {
    expect({ ...rawCaptures('/v1/{a}/x', '/v1/%7Ejoe%2f%2F/x') }).toEqual({ a: '%7Ejoe%2f%2F' })
  })

  it('end where a suffix begins, however the client spelt it', () => {
    expect({ ...rawCaptures('/o/{id}:cancel', '/o/5%2A:c%61ncel') }).toEqual({ id: '5%2A' })
  })

  it.each([
    ['/files', ''],
    ['/files/', ''],
    ['/files/a/b', 'a/b'],
    ['/files/a%2Fb/', 'a%2Fb/'],
  ])('have the rest of a tail: %s', (path, rest) => {
    expect(rawCaptures('/files/**', path)['rest']).toBe(rest)
  })

  it('agree with those of the key for every spelling of a path', () => {
    const spelt = fc.constantFrom('a', '%61', 'Z', '~', '%7E', '%7e', '%2F', '%20', '%c3', ':', ';')
    const segment = fc.array(spelt, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))

    fc.assert(
      fc.property(segment, segment, (id, tail) => {
        const path = `/o/${id}:c%61ncel/${tail}`
        const { key } = canonicalTarget(path)
        const raw = rawCaptures('/o/{id}:cancel/{tail}', path)
        const canonical = captureParameters('/o/{id}:cancel/{tail}', key)

        expect(raw['id']).toBe(id)
        expect(canonicalTarget(`/${raw['id']}`).key).toBe(`/${canonical['id']}`)
        expect(canonicalTarget(`/${raw['tail']}`).key).toBe(`/${canonical['tail']}`)
      }),
    )
  })

  it('measure a prefix of the key in the raw text', () => {
    expect(rawOffset('/%61pi/x', '/api'.length)).toBe('/%61pi'.length)
    expect(rawOffset('/%2Fa', 2)).toBe(2)
  })
})
