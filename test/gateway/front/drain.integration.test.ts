import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, rawClient } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream
let release: () => void = () => {}

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream(async ({ head }) => {
    if (head.startsWith('GET /v1/slow')) {
      await new Promise<void>((resolve) => {
        release = resolve
      })
    }
    return ok('hello')
  })
  const services = [service('orders', { deployments: [{ site: 'onprem', url: upstream.url }] })]
  await bed.writeTable('table', structure([route('/v1/**')], { services }), placementSet([]))
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await upstream.close()
})

describe('a gateway that is told to end', () => {
  it('fails no request of clients that go on over kept connections until they are told to leave', async () => {
    const gateway = await bed.start('onprem', { table: { file: 'table' }, drain: { notice: '400ms', limit: '5s' } })
    let answered = 0
    let told = 0
    const failed: unknown[] = []
    const loop = async (): Promise<void> => {
      // A client that heeds `Connection: close` and then looks for another process.
      for (;;) {
        try {
          const answer = await request(`${gateway.public}/v1/x`)
          await answer.body.dump()
          answered++
          if (answer.statusCode !== 200) failed.push(answer.statusCode)
          if (answer.headers['connection'] === 'close') {
            told++
            return
          }
        } catch (cause) {
          failed.push(cause)
          return
        }
      }
    }
    const loops = Array.from({ length: 20 }, loop)
    await eventually(() => answered > 100)

    const ended = gateway.process.stop()
    await Promise.all(loops)

    expect(failed).toEqual([])
    expect(told).toBe(20)
    expect((await ended).code).toBe(0)
  })

  it('is not ready any more, still serves for its notice, and lets a request under way end', async () => {
    const gateway = await bed.start('onprem', { table: { file: 'table' }, drain: { notice: '1s', limit: '5s' } })
    const slow = await rawClient(gateway.port)
    slow.write('GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n')
    const seen = upstream.requests.length
    await upstream.received(seen + 1).catch(() => undefined)

    const ended = gateway.process.stop()
    await eventually(async () => (await gateway.ask('/health/ready')).status === 503)
    expect((await fetch(`${gateway.public}/v1/x`)).status).toBe(200)
    await eventually(
      () =>
        fetch(`${gateway.public}/v1/x`).then(
          () => false,
          () => true,
        ),
      { what: 'new connections being refused' },
    )
    expect((await gateway.ask('/health/live')).status).toBe(200)
    release()

    expect(await slow.until(/hello$/)).toMatch(/200 OK[\s\S]*connection: close/i)
    expect((await ended).code).toBe(0)
    slow.socket.destroy()
  })

  it('ends by a call of an operator too', async () => {
    const gateway = await bed.start('onprem', { table: { file: 'table' } })

    const answer = await gateway.ask('/gateway/v1/drain', { method: 'POST' })

    expect(answer.status).toBe(202)
    expect((await gateway.process.ended).code).toBe(0)
  })
})
