import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalTarget, unsafeBit } from '#routes/canonical-target.ts'

/** Texts made of what matters to the function; random characters alone hardly ever make a `%2e`. */
const piece = fc.constantFrom(
  '/',
  '.',
  '..',
  '%',
  '%2e',
  '%2E',
  '%2f',
  '%5C',
  '%25',
  '2',
  '5',
  'e',
  '%41',
  '%e7',
  '%C0',
  '%AF',
  ';',
  'a',
  '?',
  '#',
  ' ',
  '\\',
  '\u0000',
  'é',
  '%00',
)
const target = fc.oneof(
  fc.array(piece, { maxLength: 24 }).map((pieces) => `/${pieces.join('')}`),
  fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join('')),
  fc.array(fc.nat(0xffff), { maxLength: 60 }).map((codes) => String.fromCharCode(...codes)),
)
const malformed = unsafeBit('malformed')

describe('the canonical target', () => {
  it('is given for any text, never throws, and keeps key and query apart', () => {
    fc.assert(
      fc.property(target, (raw) => {
        const { key, query, unsafe } = canonicalTarget(raw)

        expect(key.includes('?')).toBe(false)
        expect(raw.endsWith(query)).toBe(true)
        expect(key.length).toBeLessThanOrEqual(raw.length - query.length)
        expect(unsafe >= 0 && unsafe < 256).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })

  it('of a key is that key, with the same classes', () => {
    fc.assert(
      fc.property(target, (raw) => {
        const { key, unsafe } = canonicalTarget(raw)
        // `%%34%31` has no second reading that is better than its first: it is refused.
        if ((unsafe & malformed) === 0) expect(canonicalTarget(key)).toEqual({ key, query: '', unsafe })
      }),
      { numRuns: 2000 },
    )
  })

  it('is the same for every spelling of unreserved characters', () => {
    const spelt = fc.array(fc.tuple(fc.constantFrom(...'azAZ09-._~/'), fc.integer({ min: 0, max: 2 })), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(spelt, (characters) => {
        const spell = (character: string, way: number) => {
          const hex = `%${character.charCodeAt(0).toString(16)}`
          return way === 0 || character === '/' ? character : way === 1 ? hex : hex.toUpperCase()
        }
        const plain = `/${characters.map(([character]) => character).join('')}`
        const written = `/${characters.map(([character, way]) => spell(character, way)).join('')}`

        expect(canonicalTarget(written)).toEqual(canonicalTarget(plain))
      }),
      { numRuns: 2000 },
    )
  })

  it('that is called safe reads as the same path to every careless reader', () => {
    const readers: ((path: string) => string)[] = [
      (path) => decodeURIComponent(path),
      (path) => decodeURIComponent(decodeURIComponent(path)),
      (path) => decodeURIComponent(path).replaceAll('\\', '/'),
      (path) => decodeURIComponent(path).replace(/;[^/]*/g, ''),
      (path) => decodeURIComponent(path).replace(/\0.*/, ''),
    ]
    const hasNoDots = (path: string) => path.split('/').every((part) => part !== '.' && part !== '..')
    fc.assert(
      fc.property(target, (raw) => {
        const { key, unsafe } = canonicalTarget(raw)
        if (unsafe !== 0) return
        for (const read of readers) {
          const path = attempt(read, key)
          if (path !== undefined) {
            expect(hasNoDots(path), `${key} -> ${path}`).toBe(true)
            expect(path.split('/').length, `${key} -> ${path}`).toBe(key.split('/').length)
          }
        }
      }),
      { numRuns: 5000 },
    )
  })

  it('takes time in proportion to its length', () => {
    for (const unit of ['%61', '%2f', '..', '/', '%', 'a', '%25', 'é']) {
      const began = performance.now()
      canonicalTarget(`/${unit.repeat(300_000)}`)
      // Some milliseconds; with anything quadratic, minutes.
      expect(performance.now() - began, unit).toBeLessThan(2_000)
    }
  })
})

function attempt(read: (path: string) => string, key: string): string | undefined {
  try {
    return read(key)
  } catch {
    return undefined // Not UTF-8 once decoded: such a reader refuses the path.
  }
}
