import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { startSampleService } from '../../../../control-plane/cli/local/sample-service.ts'
import { temporaryFolder } from '../../../support/temporary-folder.ts'

async function sample() {
  const folder = await temporaryFolder()
  const log = folder.file('services.log')
  const service = await startSampleService({ site: 'cloud', host: '127.0.0.1', port: 0, log })
  const url = `http://127.0.0.1:${service.port}`
  return {
    ask: (path: string, init?: RequestInit) => fetch(`${url}${path}`, init),
    executed: async () =>
      (await readFile(log, 'utf8'))
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
    [Symbol.asyncDispose]: async () => {
      await service.close()
      await folder[Symbol.asyncDispose]()
    },
  }
}

describe('a sample service', () => {
  it('says who and where it is, and whom the gateway said it is asked by', async () => {
    await using it = await sample()

    const answer = await it.ask('/v1/orders/7?x=1', {
      headers: { 'x-request-id': 'r-1', 'x-tidegate-consumer': 'demo' },
    })

    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      ...{ service: 'orders', site: 'cloud', method: 'GET', path: '/v1/orders/7' },
      ...{ requestId: 'r-1', consumer: 'demo', version: 1 },
    })
  })

  it('counts what it executes, so that an answer from a cache can be told', async () => {
    await using it = await sample()

    const versions = [await it.ask('/v1/a'), await it.ask('/v1/a')].map(
      async (answer) => ((await answer.json()) as { version: number }).version,
    )

    expect(await Promise.all(versions)).toEqual([1, 2])
  })

  it('has logged what it executed before it answers', async () => {
    await using it = await sample()

    await it.ask('/v1/orders', { method: 'POST', body: '{}', headers: { 'x-write-id': 'w-9' } })

    expect(await it.executed()).toEqual([
      expect.objectContaining({ method: 'POST', path: '/v1/orders', site: 'cloud', writeId: 'w-9', status: 201 }),
    ])
  })

  it('lets only successful reads be stored', async () => {
    await using it = await sample()
    const cacheControl = async (path: string, method = 'GET') =>
      (await it.ask(path, { method })).headers.get('cache-control')

    expect(await cacheControl('/v1/a')).toBe('public, max-age=30')
    expect(await cacheControl('/v1/a', 'POST')).toBe('no-store')
    expect(await cacheControl('/v1/a?fail=503')).toBe('no-store')
  })

  it('fails and is slow as told, once by the query', async () => {
    await using it = await sample()
    const began = performance.now()

    const statuses = [(await it.ask('/v1/a?fail=503&slow=60')).status, (await it.ask('/v1/a')).status]

    expect(statuses).toEqual([503, 200])
    expect(performance.now() - began).toBeGreaterThan(55)
  })

  it('fails for everybody once it was told to behave so, until it is told otherwise', async () => {
    await using it = await sample()
    const behave = (body: object) => it.ask('/__sample/behave', { method: 'POST', body: JSON.stringify(body) })

    await behave({ fail: 500 })
    const failing = (await it.ask('/v1/a')).status
    await behave({})

    expect([failing, (await it.ask('/v1/a')).status]).toEqual([500, 200])
  })

  it.each(['slow=-1', 'slow=999999', 'fail=200', 'fail=x', 'slow='])('does not take %s for an order', async (query) => {
    await using it = await sample()

    expect((await it.ask(`/v1/a?${query}`)).status).toBe(200)
  })
})
