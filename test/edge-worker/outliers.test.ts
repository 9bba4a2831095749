import { describe, expect, it } from 'vitest'
import { Outliers } from '../../edge-worker/outliers.ts'

function failing(times: number, at = 0): Outliers {
  const outliers = new Outliers()
  for (let failure = 0; failure < times; failure++) outliers.add('onprem', true, at)
  return outliers
}

describe('a site that does not answer', () => {
  it('is out from its fifth failure in a row, and the other one is not', () => {
    expect(failing(4).avoids('onprem', 1)).toBe(false)
    expect(failing(5).avoids('onprem', 1)).toBe(true)
    expect(failing(5).avoids('cloud', 1)).toBe(false)
  })

  it('is not out when it answered in between', () => {
    const outliers = failing(4)
    outliers.add('onprem', false, 0)
    outliers.add('onprem', true, 0)

    expect(outliers.avoids('onprem', 1)).toBe(false)
  })

  it('gets one request after 5 s, and the others go elsewhere until it is known what became of it', () => {
    const outliers = failing(5)

    expect(outliers.avoids('onprem', 4_999)).toBe(true)
    expect(outliers.avoids('onprem', 5_000)).toBe(false)
    expect(outliers.avoids('onprem', 5_001)).toBe(true)
  })

  it('is asked again at once by all after that request was answered', () => {
    const outliers = failing(5)
    outliers.avoids('onprem', 5_000)
    outliers.add('onprem', false, 5_100)

    expect([outliers.avoids('onprem', 5_101), outliers.avoids('onprem', 5_102)]).toEqual([false, false])
  })

  it('is out for 5 s more after that request failed', () => {
    const outliers = failing(5)
    outliers.avoids('onprem', 5_000)
    outliers.add('onprem', true, 6_000)

    expect(outliers.avoids('onprem', 10_999)).toBe(true)
    expect(outliers.avoids('onprem', 11_000)).toBe(false)
  })

  it('gets another request 5 s later when the first one was cancelled and never told (Edge E1)', () => {
    const outliers = failing(5)
    outliers.avoids('onprem', 5_000)

    expect(outliers.avoids('onprem', 9_999)).toBe(true)
    expect(outliers.avoids('onprem', 10_000)).toBe(false)
  })
})
