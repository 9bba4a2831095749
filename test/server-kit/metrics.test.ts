import { describe, expect, it } from 'vitest'
import { createMetrics } from '#server-kit/metrics.ts'

describe('metrics', () => {
  it('are told in the Prometheus text format', async () => {
    const metrics = createMetrics()
    const served = metrics.counter('tidegate_served_total', 'Answers.', { outcome: ['hit', 'miss'] })
    const open = metrics.gauge('tidegate_open', 'Open connections.')
    const seconds = metrics.histogram('tidegate_seconds', 'Time to the first byte.', { method: ['GET'] }, [0.1, 1])

    served.inc({ outcome: 'hit' })
    served.inc({ outcome: 'hit' }, 2)
    open.set({}, 5)
    seconds.observe({ method: 'GET' }, 0.5)

    const text = await metrics.text()
    expect(text).toContain('tidegate_served_total{outcome="hit"} 3')
    expect(text).toContain('tidegate_open 5')
    expect(text).toContain('tidegate_seconds_bucket{le="1",method="GET"} 1')
    expect(metrics.contentType).toContain('text/plain')
  })

  it('count a label value outside its closed set as `other`, and tell that it came', async () => {
    const metrics = createMetrics()
    const served = metrics.counter('tidegate_served_total', 'Answers.', { outcome: ['hit'] })

    for (let i = 0; i < 100; i++) served.inc({ outcome: `made up ${i}` })

    const text = await metrics.text()
    expect(text).toContain('tidegate_served_total{outcome="other"} 100')
    expect(text).toContain('tidegate_metrics_overflow_total{metric="tidegate_served_total"} 100')
    expect(text).not.toContain('made up')
  })

  it('let a set fill from traffic, up to its limit', async () => {
    const metrics = createMetrics()
    const served = metrics.counter('tidegate_served_total', 'Answers.', { service: { atMost: 2 } })

    for (const service of ['a', 'b', 'c', 'a']) served.inc({ service })

    const text = await metrics.text()
    expect(text).toContain('{service="a"} 2')
    expect(text).toContain('{service="b"} 1')
    expect(text).toContain('{service="other"} 1')
  })

  it('forget the series of what is gone, and give its place to another', async () => {
    const metrics = createMetrics()
    const served = metrics.counter('tidegate_served_total', 'Answers.', { route: { atMost: 1 }, class: ['2xx', '5xx'] })
    served.inc({ route: 'old', class: '2xx' })
    served.inc({ route: 'old', class: '5xx' })

    await served.forget('route', 'old')
    served.inc({ route: 'new', class: '2xx' })

    const text = await metrics.text()
    expect(text).not.toContain('old')
    expect(text).toContain('{route="new",class="2xx"} 1')
  })

  it('ask for a collected gauge at each reading', async () => {
    const metrics = createMetrics()
    let size = 1
    metrics.gauge('tidegate_size', 'Items kept.', {}, (gauge) => gauge.set({}, size))

    const before = await metrics.text()
    size = 2

    expect(before).toContain('tidegate_size 1')
    expect(await metrics.text()).toContain('tidegate_size 2')
  })

  it('are refused when named otherwise or defined twice', () => {
    const metrics = createMetrics()
    metrics.counter('tidegate_a_total', 'A.')

    expect(() => metrics.counter('other_total', 'B.')).toThrow(expect.objectContaining({ code: 'metric-misdefined' }))
    expect(() => metrics.gauge('tidegate_a_total', 'A.')).toThrow(
      expect.objectContaining({ code: 'metric-misdefined' }),
    )
  })

  it('are listed with their help and labels, and two registries know nothing of one another', async () => {
    const metrics = createMetrics({ process: true })
    metrics.counter('tidegate_a_total', 'A.', { site: { atMost: 3 } })

    expect(metrics.defined.at(-1)).toEqual({
      name: 'tidegate_a_total',
      kind: 'counter',
      help: 'A.',
      labels: { site: { atMost: 3 } },
    })
    expect(await metrics.text()).toContain('tidegate_process_cpu')
    expect(await createMetrics().text()).not.toContain('tidegate_a_total')
  })
})
