import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { createLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { seededRandom } from '#server-kit/random.ts'
import { HealthChecks } from '../../../gateway/upstream/health-checks.ts'
import { upstreamMetrics } from '../../../gateway/upstream/upstream-metrics.ts'
import { eventually } from '../../support/eventually.ts'
import { openServiceBed, type ServiceBed, startInstance } from './service-bed.ts'

function checksOf(bed: ServiceBed, perSecond = 100): { stop(): void } {
  const log = createLog({ program: 'test', level: 'silent' })
  const checks = new HealthChecks({
    deployments: () => bed.deployments.all,
    perSecond,
    metrics: upstreamMetrics(createMetrics()),
    clock: systemClock,
    random: seededRandom(1),
    background: new Background(log),
    log,
  })
  checks.start()
  return checks
}

const health = { path: '/health/ready', everyMs: 40 }

describe('health checks', () => {
  it('leave out an instance that answers badly and bring it back, slowly, when it answers well', async () => {
    let well = true
    await using a = await startInstance((message, response) => {
      response.writeHead(message.url === '/health/ready' && !well ? 500 : 200).end()
    })
    await using b = await startInstance((_, response) => response.end())
    await using bed = await openServiceBed({ deployment: { url: a.url, more: [b.url], health } })
    const checks = checksOf(bed)
    const state = () => bed.status().endpoints[0]?.state

    well = false
    await eventually(() => state() === 'down')
    const seen = a.requests.filter(({ url }) => url === '/v1/x').length
    for (let at = 0; at < 10; at++) await fetch(`${bed.url}/v1/x`)
    const whileDown = a.requests.filter(({ url }) => url === '/v1/x').length - seen
    well = true
    await eventually(() => state() === 'up')
    checks.stop()

    expect(whileDown).toBe(0)
    expect(bed.status().endpoints[0]?.weight).toBeLessThan(1)
    expect(a.requests.find(({ url }) => url === '/health/ready')?.headers['user-agent']).toBe('tidegate-health')
  })

  it('find a frozen instance, which takes connections and never answers', async () => {
    await using a = await startInstance(() => {})
    await using b = await startInstance((_, response) => response.end())
    await using bed = await openServiceBed({ deployment: { url: a.url, more: [b.url], health } })
    const checks = checksOf(bed)

    await eventually(() => bed.status().endpoints[0]?.state === 'down', { deadlineMs: 10_000 })
    checks.stop()

    expect(bed.status().endpoints[1]?.state).toBe('up')
  })

  it('are no more a second than configured, and end with the table that named the instance', async () => {
    await using a = await startInstance((_, response) => response.end())
    await using b = await startInstance((_, response) => response.end())
    const every = { path: '/', everyMs: 1 }
    await using bed = await openServiceBed({ deployment: { url: a.url, health: every } })
    const checks = checksOf(bed, 20)
    const started = performance.now()

    await eventually(() => a.requests.length >= 10)
    const seconds = (performance.now() - started) / 1_000
    await bed.follow({ url: b.url, health: every })
    await eventually(() => b.requests.length >= 1)
    const left = a.requests.length
    await eventually(() => b.requests.length >= 5)
    checks.stop()

    expect(10 / seconds).toBeLessThanOrEqual(21)
    expect(a.requests.length).toBe(left)
  })
})
