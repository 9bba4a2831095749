import { describe, expect, it } from 'vitest'
import { hearValue, tellValue, toldFlags } from '../../../../bench/support/replication/told-value.ts'

const told = { index: 12, version: 1_882_535_544_751_131_393n, untilMs: 1_795_000_000_000 }
const flags = toldFlags(told.version)

describe('a value that tells of itself', () => {
  it('is heard as it was told, of any size', () => {
    for (const padding of [0, 1, 1_000, 50_000]) expect(hearValue(tellValue(told, padding), flags)).toEqual(told)
  })

  it('is nobody’s with one other byte, one missing, or other flags', () => {
    const value = tellValue(told, 500)
    for (let at = 0; at < value.length; at += 7) {
      const spoilt = Buffer.from(value)
      spoilt[at] = (spoilt[at] ?? 0) ^ 1
      const heard = hearValue(spoilt, flags)
      // A digit of the key's number or of the end is another one: it is not what was asked for, and lives no longer.
      expect(heard === undefined || heard.index !== told.index || heard.untilMs !== told.untilMs, `byte ${at}`).toBe(
        true,
      )
    }
    expect(hearValue(value.subarray(0, -1), flags)).toBe(undefined)
    expect(hearValue(value, flags ^ 1)).toBe(undefined)
  })
})
