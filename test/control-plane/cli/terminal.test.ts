import { describe, expect, it } from 'vitest'
import { oneLine, terminalSafe } from '../../../control-plane/cli/terminal.ts'

describe('a text of somebody else on a terminal', () => {
  it('cannot move the cursor, colour the screen or turn the line', () => {
    expect(terminalSafe('a\u001b[2Jb\u009b31mc\rd\u202ee\u2066')).toBe('a\\u001b[2Jb\\u009b31mc\\u000dd\\u202ee\\u2066')
  })

  it('keeps its lines, tabs and letters, whatever the language', () => {
    expect(terminalSafe('zwei\tZeilen\nдва 行 😀')).toBe('zwei\tZeilen\nдва 行 😀')
  })

  it('is still the same JSON', () => {
    const value = { reason: 'a\u009bb\u202e', lines: 'x\ny' }

    expect(JSON.parse(terminalSafe(JSON.stringify(value, undefined, 2)))).toEqual(value)
  })

  it('stays in its row', () => {
    expect(oneLine('a\nb\tc')).toBe('a\\u000ab\\u0009c')
  })
})
