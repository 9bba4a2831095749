import { describe, expect, it } from 'vitest'
import { metricsOf, printMetricReference } from './metric-definitions.ts'
import { readText, sourceFiles } from './repository.ts'

describe('metrics', () => {
  it('are the same as docs/reference/metrics.md', () => {
    expect(metricsOf(sourceFiles()).length).toBeGreaterThan(0)
    expect(readText('docs/reference/metrics.md'), 'run `npm run generate`').toBe(printMetricReference(sourceFiles()))
  })

  it('are found where they are defined', () => {
    const text = "const served = metrics.counter(\n  'tidegate_planted_total',\n  'Planted.',\n)"

    expect(metricsOf([{ path: 'gateway/x.ts', text }])).toEqual([
      { name: 'tidegate_planted_total', kind: 'counter', help: 'Planted.', file: 'gateway/x.ts' },
    ])
  })

  it('have one definition a name, with a sentence', () => {
    const metrics = metricsOf(sourceFiles())
    const names = metrics.map(({ name, file }) => `${file.split('/')[0]} ${name}`)

    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
    expect(metrics.filter(({ help }) => !help.endsWith('.'))).toEqual([])
  })
})
