import { expect, it } from 'vitest'
import { plotDots } from '../../bench/plot-dots.ts'

it('each case is a row with a dot for each contender, farther to the right where it took longer', () => {
  const dots = [
    { name: 'ours & theirs', ms: 300, text: '1 / 300' },
    { name: 'slow', ms: 3_000, text: '100 / 3000' },
  ]

  const svg = plotDots([{ name: 'a case', goalMs: 330, dots }], { title: 'Who waits', note: 'once' })

  const placeOf = (text: string) => Number(new RegExp(`<text x="([\\d.]+)"[^>]*>${text}</text>`).exec(svg)?.[1])
  const [fast, slow] = [placeOf('1 / 300'), placeOf('100 / 3000')]
  expect(slow).toBeGreaterThan(fast)
  expect(svg).toContain('ours &amp; theirs')
  expect(svg).not.toContain('NaN')
})
