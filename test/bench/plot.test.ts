import { describe, expect, it } from 'vitest'
import { percentile, plotPercentiles } from '../../bench/plot.ts'

const upTo = (count: number, scale = 1) => Float64Array.from({ length: count }, (_, index) => (index + 1) * scale)

describe('a percentile', () => {
  it('is a value that was measured', () => {
    expect(percentile(upTo(100), 0.5)).toBe(50)
    expect(percentile(upTo(100), 0.99)).toBe(99)
    expect(percentile(upTo(100), 1)).toBe(100)
    expect(percentile(upTo(1), 0.5)).toBe(1)
    expect(percentile(new Float64Array(), 0.5)).toBeNaN()
  })
})

describe('the chart', () => {
  const curves = [
    { name: 'edge & <gateway>', sorted: upTo(5000, 0.01) },
    { name: 'service', sorted: upTo(20_000, 0.001) },
  ]
  const chart = plotPercentiles(curves, { title: 'T', note: 'N' })

  it('has a line and a name for each curve, and no number that is none', () => {
    expect(chart.match(/stroke-width="2\.5"/g)).toHaveLength(2)
    expect(chart).toContain('edge &amp; &lt;gateway&gt;')
    expect(chart).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('claims nothing that the samples do not show: fewer of them end further left', () => {
    const ends = [...chart.matchAll(/<path d="M[^"]*L([\d.]+) [\d.]+" fill="none"[^>]*stroke-width/g)].map(([, x]) =>
      Number(x),
    )

    expect(ends[0]).toBeLessThan(ends[1] ?? 0)
  })

  it('of nothing is an empty one', () => {
    expect(plotPercentiles([{ name: 'none', sorted: new Float64Array() }], { title: 'T', note: 'N' })).toContain(
      '</svg>',
    )
  })
})
