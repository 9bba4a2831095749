import { describe, expect, it } from 'vitest'
import { alterations, compareAll } from './transparency.ts'

describe('what passes an edge', () => {
  it('is what would have passed without it, but for what is documented', async () => {
    const compared = await compareAll(1)

    expect(compared.length).toBeGreaterThanOrEqual(20)
    expect(compared.filter(({ faults }) => faults.length > 0)).toEqual([])
  })

  it.each(Object.entries(alterations))('would be found out: %s', async (_, alter) => {
    const compared = await compareAll(1, alter)

    expect(compared.filter(({ faults }) => faults.length > 0)).not.toEqual([])
  })
})
