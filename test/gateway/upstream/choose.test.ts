import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seededRandom } from '#server-kit/random.ts'
import { byKey, type Candidate, leastOfTwo, panics } from '../../../gateway/upstream/choose.ts'

interface Made {
  readonly inFlight: number
  readonly isOpen: boolean
  readonly share: number
}

const candidate = (made: Partial<Made> = {}, seed = 1): Candidate => {
  const { inFlight = 0, isOpen = true, share = 1 } = made
  return { inFlight, seed, open: () => isOpen, weight: () => share }
}
const made = fc.array(
  fc.record({ inFlight: fc.nat(20), isOpen: fc.boolean(), share: fc.double({ min: 0.1, max: 1, noNaN: true }) }),
  { minLength: 1, maxLength: 12 },
)

describe('the choice of an endpoint', () => {
  it('never takes the one that was tried, nor one that is out while another is open', () => {
    fc.assert(
      fc.property(made, fc.nat(11), fc.integer(), (facts, triedAt, seed) => {
        const all = facts.map((one, at) => candidate(one, at + 1))
        const tried = all[triedAt % all.length]
        const others = all.filter((one) => one !== tried && one.open(0))
        for (const chosen of [leastOfTwo(all, tried, false, 0, seededRandom(seed)), byKey(all, 'k', tried, false, 0)]) {
          if (others.length === 0) expect(chosen).toBeUndefined()
          else expect(others).toContain(chosen)
        }
      }),
    )
  })

  it('takes the less loaded of two, by weight', () => {
    const random = seededRandom(7)
    const idle = candidate({ inFlight: 1 })
    const busy = candidate({ inFlight: 9 })
    const starting = candidate({ inFlight: 1, share: 0.1 })

    for (let at = 0; at < 50; at++) {
      expect(leastOfTwo([idle, busy], undefined, false, 0, random)).toBe(idle)
      expect(leastOfTwo([starting, candidate({ inFlight: 9 })], undefined, false, 0, random)?.inFlight).toBe(9)
    }
  })

  it('spreads equal load over all', () => {
    const random = seededRandom(3)
    const all = Array.from({ length: 5 }, () => candidate())
    const counts = new Map<Candidate | undefined, number>()
    for (let at = 0; at < 5_000; at++) {
      const chosen = leastOfTwo(all, undefined, false, 0, random)
      counts.set(chosen, (counts.get(chosen) ?? 0) + 1)
    }

    for (const one of all) expect(counts.get(one)).toBeGreaterThan(800)
  })

  it('keeps each key at its endpoint when another one goes, and moves only the keys of that one', () => {
    const all = Array.from({ length: 8 }, (_, at) => candidate({}, 1_000 + 77 * at))
    const gone = all[3] as Candidate
    const rest = all.filter((one) => one !== gone)
    let moved = 0
    for (let at = 0; at < 2_000; at++) {
      const before = byKey(all, `client-${at}`, undefined, false, 0)
      const after = byKey(rest, `client-${at}`, undefined, false, 0)
      if (before === gone) moved++
      else expect(after).toBe(before)
    }

    expect(moved).toBeGreaterThan(150)
    expect(moved).toBeLessThan(350)
  })

  it('ignores health below half, and not at half', () => {
    const [up, down] = [candidate(), candidate({ isOpen: false })]

    expect(panics([up, down], 50, 0)).toBe(false)
    expect(panics([up, down, down], 50, 0)).toBe(true)
    expect(leastOfTwo([down], undefined, true, 0, seededRandom(1))).toBe(down)
  })
})
