import { describe, expect, it } from 'vitest'
import { type Counter, createMetrics } from '#server-kit/metrics.ts'
import { RenewedMetrics } from '#server-kit/renewed-metrics.ts'

describe('metrics of parts that are made anew', () => {
  it('go on with their counts, and a gauge asks the newest part', async () => {
    const metrics = createMetrics()
    const renewed = new RenewedMetrics(metrics)
    const generation = (size: number): Counter => {
      const view = renewed.view()
      view.gauge('tidegate_size', 'Size.', {}, (gauge) => gauge.set({}, size))
      return view.counter('tidegate_seen_total', 'Seen.')
    }

    generation(1).inc()
    generation(2).inc()

    expect(await metrics.text()).toContain('tidegate_seen_total 2')
    expect(await metrics.text()).toContain('tidegate_size 2')
  })

  it('are still defined once in each generation, and apart from those of the process', () => {
    const metrics = createMetrics()
    const renewed = new RenewedMetrics(metrics)
    const view = renewed.view()
    view.counter('tidegate_seen_total', 'Seen.')
    metrics.counter('tidegate_own_total', 'Own.')

    expect(() => view.counter('tidegate_seen_total', 'Seen.')).toThrow('defined twice')
    expect(() => view.counter('tidegate_own_total', 'Own.')).toThrow('defined twice')
  })
})
