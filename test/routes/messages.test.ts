import { describe, expect, it } from 'vitest'
import { readTableHint, tableHint } from '#routes/messages.ts'

describe('the hint that an edge is behind', () => {
  it('reads as it was written', () => {
    expect(readTableHint(tableHint(7, 41))).toEqual({ structure: 7, placements: 41 })
  })

  it.each(['', 's=7', 's=7;p=', 's=-1;p=2', 's=7;p=41;x=1', 's=1e3;p=2', `s=${'9'.repeat(40)};p=1`])(
    'is ignored when it is %j',
    (value) => {
      expect(readTableHint(value)).toBeUndefined()
    },
  )
})
