import { expect, it } from 'vitest'
import { RefusalCounts } from '../../edge-worker/refusal-counts.ts'

it('refusals are told with their counts and last case, and given back only the first time', () => {
  const counts = new RefusalCounts()
  const older = { kind: 'placements', because: 'older', offered: 3, held: 4 } as const
  const forked = { kind: 'structure', because: 'forked', offered: 4, held: 4 } as const

  expect(counts.add([older], 10)).toEqual([older])
  expect(counts.add([{ ...older, offered: 2 }, forked], 20)).toEqual([forked])

  expect(counts.told).toEqual([
    { ...older, offered: 2, at: 20, count: 2 },
    { ...forked, at: 20, count: 1 },
  ])
})
