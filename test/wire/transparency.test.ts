import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { carelessEdges } from './careless-edge.ts'
import { documentedDifferences } from './documented-differences.ts'
import { type Comparison, startTransparency, type Transparency } from './transparency.ts'

/** The full sizes are `npm run prove -- transparency`'s. */
const sizes = { streamBytes: 32 * 1024 * 1024, secondMs: 50 }

let transparency: Transparency
let compared: Comparison[]

beforeAll(async () => {
  transparency = await startTransparency(sizes)
  compared = await transparency.compareAll()
}, 120_000)
afterAll(() => transparency[Symbol.asyncDispose]())

describe('what passes an edge', () => {
  it('Edge D0, D1, D5, D6, D7, D8, D9, D10, D11, D12, D17: is what would have passed without it, but for what is documented', () => {
    expect(compared.filter(({ faults }) => faults.length > 0)).toEqual([])
    expect(compared.length).toBeGreaterThanOrEqual(60)
  })

  it('Edge D10: differs in nothing that is documented and was mended since', () => {
    const seen = new Set(compared.flatMap(({ documented }) => documented))

    expect([...seen].toSorted()).toEqual(Object.keys(documentedDifferences).toSorted())
  })

  it.each(carelessEdges)('would be found out: $name', async (careless) => {
    const found = await transparency.compareBehind(careless)

    expect(found.filter(({ faults }) => faults.length > 0).map(({ name }) => name)).toHaveLength(
      careless.foundBy.length,
    )
  })
})
