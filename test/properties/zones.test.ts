import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Control, histories, run } from './zone-model.ts'

describe('two sites of several zones', () => {
  it.each([
    { processes: 1, what: 'zones that lose what they had' },
    { processes: 2, what: 'several processes that tell one another what they owe' },
  ])(
    'Store I1 I2 I3 I4 I5: serve nothing deleted, end alike, let nothing live longer and swap each value once, with $what',
    async ({ processes }) => {
      await fc.assert(
        fc.asyncProperty(histories(processes), (world) => run(world)),
        { numRuns: 1_500 },
      )
    },
    60_000,
  )

  it.each<{ control: Control; processes: number }>([
    { control: 'backfill by set', processes: 1 },
    { control: 'no recent deletes', processes: 1 },
    { control: 'stamp at store time', processes: 1 },
    { control: 'debts untold', processes: 2 },
  ])(
    'Store I1 I2: fail in the same test when one rule is left out: $control',
    async ({ control, processes }) => {
      const outcome = await fc.check(
        fc.asyncProperty(histories(processes), (world) => run(world, control)),
        { numRuns: 20_000, endOnFailure: true },
      )

      expect(outcome.failed).toBe(true)
      expect(outcome.errorInstance).toMatchObject({ message: expect.stringMatching(/^I[12]: /) })
    },
    60_000,
  )
})
