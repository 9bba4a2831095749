import Fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import type { HopsAnswer } from '#routes/gateway-answers.ts'
import { operationsApi } from '../../../gateway/internal/operations-api.ts'
import { eventually } from '../../support/eventually.ts'

describe('the internal API', () => {
  it('watches the connections of services once, for all who ask meanwhile', async () => {
    const runs: PromiseWithResolvers<HopsAnswer>[] = []
    const hops = () => {
      const run = Promise.withResolvers<HopsAnswer>()
      runs.push(run)
      return run.promise
    }
    const none = () => undefined
    let asked = 0
    const app = Fastify()
    await app.register(operationsApi, {
      table: none,
      upstreams: none,
      recorder: none,
      hops,
      reload: undefined,
      require: async () => void asked++,
    })
    const ask = () => app.inject('/gateway/v1/hops?watch=20s').then(({ statusCode }) => statusCode)
    await app.ready()

    const first = [ask(), ask(), ask()]
    await eventually(() => asked === 3)
    // All of them are past the check of their credential when one that came later has its answer.
    await app.inject('/gateway/v1/retries')
    runs[0]?.resolve({ keepAliveMs: 1, instances: [], leftOut: 0 })
    expect(await Promise.all(first)).toEqual([200, 200, 200])
    expect(runs).toHaveLength(1)

    const failed = ask()
    await eventually(() => runs.length === 2)
    runs[1]?.reject(new Error('no'))
    expect(await failed).toBe(500)
    expect(runs).toHaveLength(2)
    await app.close()
  })
})
