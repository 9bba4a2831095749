import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, ok, type RecordingUpstream, startRecordingUpstream } from '../../../support/recording-upstream.ts'
import { catalogOf, serviceFile } from '../../support/catalog.ts'
import { tidegateOf } from '../../support/cli.ts'
import { startControlPlane, type TestControlPlane } from '../../support/control-plane.ts'
import { FakeGateway } from '../../support/fake-gateway.ts'

let plane: TestControlPlane
let gateway: FakeGateway
let internal: RecordingUpstream
let answers: Readonly<Record<string, unknown>> = {}

const said = (value: unknown): Answer => ok(JSON.stringify(value), ['content-type: application/json'])
const targetOf = ({ head }: { readonly head: string }): string => head.split(' ')[1] ?? ''

beforeAll(async () => {
  plane = await startControlPlane()
  await plane.client.apply({ files: [...catalogOf(serviceFile('orders'))] })
  internal = await startRecordingUpstream((request) => said(answers[targetOf(request)] ?? {}))
  gateway = await FakeGateway.start({ keys: plane.keys })
  gateway.internalUrl = internal.url
  await gateway.connect(plane.url)
})
afterEach(() => {
  answers = {}
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await internal.close()
  await plane.stop()
})

const tidegate = (...argv: string[]) => tidegateOf(plane, argv)

const row = {
  instance: 'one',
  source: 'redis-stream',
  state: 'reading',
  since: 0,
  length: 90,
  lag: 3,
  pending: 2,
  dead: 1,
}

describe('tidegate events', () => {
  it('lag: tells how far a site is behind', async () => {
    answers = { '/gateway/v1/events': { ...row, oldestPendingMs: 1_500, consumers: [{}, {}] } }

    const { out } = await tidegate('events', 'lag', '--site', 'onprem')
    expect(out).toMatch(/^SITE +STATE +LAG +PENDING +OLDEST +DEAD +KEPT +CONSUMERS/)
    expect(out).toMatch(/^onprem +reading +3 +2 +1\.5s +1 +90 +2 +-$/m)
  })

  it('dead and retry: list what could not be applied, and send it again', async () => {
    const id = '1767323045000-0'
    answers = { '/gateway/v1/events/dead': { dead: [{ id, was: '1-0', because: 'it is not JSON', deliveries: 1 }] } }

    const { out } = await tidegate('events', 'dead', '--site', 'onprem')
    expect(out).toMatch(/1767323045000-0 +2026-01-02 03:04:05Z +1 +it is not JSON/)
    expect((await tidegate('events', 'retry', id, '--site', 'onprem')).told).toMatch(/is a new event of onprem/)
    expect(internal.requests.map(targetOf)).toContain(`/gateway/v1/events/dead/${id}/retry`)
  })

  it('replay: asks one process, waits for its end, and fails when events did', async () => {
    const ended = { from: 0, to: 1, state: 'done', applied: 7, failed: 1 }
    const at = `?instance=${gateway.instance}`
    answers = {
      '/gateway/v1/events': { ...row, instance: gateway.instance },
      [`/gateway/v1/events/replay${at}`]: { ...ended, state: 'running' },
      [`/gateway/v1/events${at}`]: { ...row, replay: ended },
    }
    const { code, out, told } = await tidegate('events', 'replay', '--site', 'onprem', '--since', '15m')

    expect(told).toMatch(/1 event could not be applied/)
    expect(out).toMatch(/^Applied once more at onprem: 7 events from /)
    expect(code).toBe(1)
  })

  it.each([
    [['--since', 'never']],
    [[]],
    [['--since', '1m', '--from', '2026-01-01T00:00:00Z']],
    [['--from', '2026-01-02T00:00:00Z', '--to', '2026-01-01T00:00:00Z']],
  ])('replay: %j names no time', async (times) => {
    const { code, told } = await tidegate('events', 'replay', '--site', 'onprem', ...times)

    expect(code).toBe(2)
    expect(told).toMatch(/It is not clear which events are meant/)
  })
})
