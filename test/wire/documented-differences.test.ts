import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { probes } from '../../control-plane/cli/edge-doctor/probes.ts'
import { carelessEdges } from './careless-edge.ts'
import { defectRows } from './defect-rows.ts'
import { documentedDifferences, knownNames } from './documented-differences.ts'
import { themes } from './wire-cases.ts'

const page = await readFile(new URL('../../docs/design/edge-wire.md', import.meta.url), 'utf8')
const names = Object.values(themes).flatMap((cases) => cases.map(({ name }) => name))

describe('docs/design/edge-wire.md', () => {
  it('states each difference that the suite allows, in its words, and no other', () => {
    const rows = Object.entries(documentedDifferences).map(
      ([name, { row, what, why }]) => `| ${name} | ${row} | ${what} | ${why} |`,
    )

    expect(tableUnder('| difference | defect |')).toEqual(rows)
  })

  it('says of each defect what became of it, and where that is shown', () => {
    const rows = Object.entries(defectRows).map(
      ([row, { defect, rule, cases = [], tests = [], probes: asked = [] }]) => {
        const shown = [...cases.map((name) => `“${name}”`), ...tests.map((file) => `\`${file}\``)]
        return `| ${row} | ${defect} | ${rule} | ${shown.join(', ') || '-'} | ${asked.join(', ') || '-'} |`
      },
    )

    expect(tableUnder('| defect | what |')).toEqual(rows)
  })

  it('lists the names that the runtime knows', () => {
    expect(page).toContain(knownNames.join(', '))
  })
})

describe('the cases of the wire', () => {
  it('have names of their own', () => {
    expect(new Set(names).size).toBe(names.length)
  })

  it('are there where a defect or a control names them, and so are tests and probes of doctor', () => {
    for (const { cases = [], tests = [], probes: asked = [] } of Object.values(defectRows)) {
      expect(names).toEqual(expect.arrayContaining([...cases]))
      expect(tests.filter((file) => !existsSync(new URL(`../../${file}`, import.meta.url)))).toEqual([])
      expect(probes.map(({ name }) => name)).toEqual(expect.arrayContaining([...asked]))
    }
    for (const { foundBy } of carelessEdges) expect(names).toEqual(expect.arrayContaining([...foundBy]))
  })
})

function tableUnder(heading: string): string[] {
  const lines = page.split('\n')
  const at = lines.findIndex((line) => line.startsWith(heading))
  const end = lines.findIndex((line, index) => index > at && !line.startsWith('|'))
  return lines.slice(at + 2, end)
}
