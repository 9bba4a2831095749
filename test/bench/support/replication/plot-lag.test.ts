import { expect, it } from 'vitest'
import { plotLag } from '../../../../bench/support/replication/plot-lag.ts'

it('draws one dot a mark, a greater lag higher, and the goal', () => {
  const svg = plotLag(
    [
      [1_000, 20],
      [1_500, 60],
      [2_000, 40],
    ],
    'three marks',
  )

  const dots = Array.from(svg.matchAll(/M([\d.]+) ([\d.]+)h0/g), ([, x, y]) => [Number(x), Number(y)] as const)
  expect(dots.map(([x]) => x)).toEqual([70, 500, 930])
  expect(dots.toSorted(([, a], [, b]) => b - a).map(([x]) => x)).toEqual([70, 930, 500])
  expect(svg).toContain('stroke-dasharray')
  expect(svg).toContain('three marks')
})
