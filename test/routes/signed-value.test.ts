import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyRing, type RingFile } from '#routes/seal.ts'
import { readSigned, writeSigned } from '#routes/signed-value.ts'

const secret = (letter: string) => Buffer.alloc(32, letter).toString('base64url')
const ring = async (...ids: string[]) => {
  const keys: RingFile['keys'] = ids.map((id) => ({ id, secret: secret(id) }))
  return (await KeyRing.open({ purpose: 'edge-control', keys })) as KeyRing
}
const ours = await ring('a')
const now = 1_900_000_000_000
const word = await writeSigned('force', 'cloud', now + 60_000, ours)

describe('a signed value', () => {
  it('reads as it was written until its second, and fits a header and a cookie', async () => {
    expect(await readSigned('force', word, ours, now)).toBe('cloud')
    expect(await readSigned('force', word, ours, now + 59_999)).toBe('cloud')
    expect(await readSigned('force', word, ours, now + 60_000)).toBeUndefined()
    expect(word).toMatch(/^[\w.-]+$/)
  })

  it('is worth nothing as another kind', async () => {
    expect(await readSigned('sticky', word, ours, now)).toBeUndefined()
    expect(await readSigned('echo', word, ours, now)).toBeUndefined()
  })

  it('is believed by both keys of a ring, and by no other', async () => {
    expect(await readSigned('force', word, await ring('b', 'a'), now)).toBe('cloud')
    expect(await readSigned('force', word, await ring('b'), now)).toBeUndefined()
  })

  it('is worth nothing with any character changed, added or taken', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: word.length - 1 }), fc.constantFrom(...'aZ0_-.;, \n'), async (at, letter) => {
        const forged = [word.slice(0, at) + letter + word.slice(at + 1), word.slice(0, at) + letter + word.slice(at)]
        for (const text of [...forged, word.slice(0, at)]) {
          // The last character of base64url holds bits that no byte uses: other texts of the same bytes are the same.
          if (text === word || (at === word.length - 1 && text.length === word.length)) continue
          expect(await readSigned('force', text, ours, now)).toBeUndefined()
        }
      }),
      { numRuns: 300 },
    )
  })

  it('of any text is read without a fault', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (text) => {
        expect(await readSigned('force', text, ours, now)).toBeUndefined()
      }),
    )
  })
})
