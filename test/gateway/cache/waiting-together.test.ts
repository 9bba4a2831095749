import { describe, expect, it } from 'vitest'
import type { BodySink } from '../../../gateway/answer.ts'
import { problems } from '../../../gateway/errors.ts'
import { cachedRoute } from './asked.ts'
import { openCachedService, type Script } from './cached-service.ts'

/** A service that answers when the test lets it. */
function held(respond: Script) {
  const gate = Promise.withResolvers<void>()
  const script: Script = async (x, count) => {
    await gate.promise
    return respond(x, count)
  }
  return { script, open: () => gate.resolve() }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
const at = (service: Awaited<ReturnType<typeof openCachedService>>, ms: number) =>
  new Date(service.clock.now() + ms).toUTCString()

describe('clients that ask for the same at once', () => {
  it('Cache W1: cost one fetch, and each gets the whole of its answer', async () => {
    const service = await openCachedService()
    const { script, open } = held(() => ({ body: 'hello' }))
    service.respond = script

    const sent = Array.from({ length: 20 }, () => service.send('/v1/a').seen)
    await turn()
    open()
    const seen = await Promise.all(sent)

    expect(seen.every(({ text }) => text === 'hello')).toBe(true)
    expect(seen.filter(({ cache }) => cache?.includes('collapsed'))).toHaveLength(19)
    expect(service.asked).toHaveLength(1)
  })

  it('Cache CS1: are told so, and the one that fetched for them that nothing was stored', async () => {
    const service = await openCachedService()
    const { script, open } = held(() => ({ body: 'hello' }))
    service.respond = script

    const sent = Array.from({ length: 3 }, () => service.send('/v1/a').seen)
    await turn()
    open()

    expect((await Promise.all(sent)).map(({ cache }) => cache)).toEqual([
      'tidegate-onprem; fwd=uri-miss; stored; ttl=60',
      'tidegate-onprem; fwd=miss; collapsed; ttl=60',
      'tidegate-onprem; fwd=miss; collapsed; ttl=60',
    ])
  })

  it('Cache W1: of an expired entry cost one validation', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'hello', headers: ['ETag', '"one"'] })
    await service.ask('/v1/a')
    service.clock.advance(90_000)
    const { script, open } = held(() => ({ status: 304, headers: ['ETag', '"one"'] }))
    service.respond = script

    const sent = Array.from({ length: 10 }, () => service.send('/v1/a').seen)
    await turn()
    open()

    expect((await Promise.all(sent)).map(({ status, text }) => [status, text])).toEqual(Array(10).fill([200, 'hello']))
    expect(service.asked).toHaveLength(2)
  })

  it('Cache W1: under conditions of their own share no 304 that they did not ask for', async () => {
    const service = await openCachedService()
    const headers = ['ETag', '"one"', 'Cache-Control', 'max-age=60']
    const { script, open } = held((x) =>
      x.header('if-none-match') === '"one"' ? { status: 304, headers } : { body: 'hello', headers },
    )
    service.respond = script

    const lines = [['If-None-Match', '"one"'], [], ['If-None-Match', '"two"']]
    const sent = lines.map((line) => service.send('/v1/a', { headers: line }).seen)
    await turn()
    open()

    expect((await Promise.all(sent)).map(({ status }) => status)).toEqual([304, 200, 200])
  })

  it('Cache W1: in languages that are known to make a difference do not wait for one another', async () => {
    const service = await openCachedService()
    const answer: Script = (x) => ({ body: x.header('accept-language') ?? '', headers: ['Vary', 'Accept-Language'] })
    service.respond = answer
    await service.ask('/v1/a', { headers: ['Accept-Language', 'de'] })
    const { script, open } = held(() => ({ body: 'hello', headers: ['Vary', 'Accept-Language'] }))
    service.respond = script

    const sent = ['en', 'fr'].map((language) => service.send('/v1/a', { headers: ['Accept-Language', language] }).seen)
    await turn()
    const asked = service.asked.length
    open()
    await Promise.all(sent)

    expect(asked).toBe(3)
  })

  it('Cache W2: share an answer whose length nobody knew when it is whole', async () => {
    const service = await openCachedService()
    const inChunks = () => ({
      flow: (sink: BodySink) => sink.end(Buffer.from('hello')),
      resume() {},
      cancel() {},
    })
    const { script, open } = held(() => ({ body: inChunks() }))
    service.respond = script

    const sent = Array.from({ length: 5 }, () => service.send('/v1/a').seen)
    await turn()
    open()

    expect((await Promise.all(sent)).map(({ text }) => text)).toEqual(Array(5).fill('hello'))
    expect(service.asked).toHaveLength(1)
  })

  it('Cache W2: and in different languages cost one fetch for each', async () => {
    const service = await openCachedService()
    const languageOf = (x: { header(name: string): string | undefined }) => x.header('accept-language') ?? ''
    const { script, open } = held((x) => ({ body: languageOf(x), headers: ['Vary', 'Accept-Language'] }))
    service.respond = script

    const languages = ['de', 'en', 'fr', 'de', 'en', 'fr', 'de']
    const sent = languages.map((language) => service.send('/v1/a', { headers: ['Accept-Language', language] }).seen)
    await turn()
    open()

    expect((await Promise.all(sent)).map(({ text }) => text)).toEqual(languages)
    expect(service.asked).toHaveLength(3)
  })

  it('Cache W3: go on by themselves, all at once, when the answer cannot be shared, and do not wait the next time', async () => {
    const service = await openCachedService()
    const { script, open } = held((_, count) => ({ body: `${count}`, headers: ['Cache-Control', 'no-store'] }))
    service.respond = script
    const sent = Array.from({ length: 10 }, () => service.send('/v1/a').seen)
    await turn()
    expect(service.asked).toHaveLength(1)
    open()
    await Promise.all(sent)
    expect(service.asked).toHaveLength(10)

    const next = held(() => ({ body: 'x', headers: ['Cache-Control', 'no-store'] }))
    service.respond = next.script
    const again = Array.from({ length: 10 }, () => service.send('/v1/a').seen)
    await turn()

    expect(service.asked).toHaveLength(20)
    next.open()
    await Promise.all(again)
  })

  it('Cache S4: make records for what will probably be stored, and only for that', async () => {
    const prepared: string[] = []
    const service = await openCachedService({
      zone: (zone) => ({
        prepare: async (namespace, { exact }) => void prepared.push(`${namespace} ${exact.length}`),
        get: (...args) => zone.get(...args),
        put: (...args) => zone.put(...args),
        delete: (...args) => zone.delete(...args),
        touch: (...args) => zone.touch(...args),
        invalidate: (...args) => zone.invalidate(...args),
        bump: (...args) => zone.bump(...args),
        health: () => zone.health(),
        close: () => zone.close(),
      }),
    })
    service.respond = (x) => ({ body: 'x', headers: x.target.endsWith('no') ? ['Cache-Control', 'no-store'] : [] })
    const asks = async (target: string): Promise<number> => {
      const before = prepared.length
      await service.ask(target)
      return prepared.length - before
    }

    expect([await asks('/v1/a'), await asks('/v1/a'), await asks('/v1/no'), await asks('/v1/no')]).toEqual([1, 0, 1, 0])
    expect(prepared[0]).toBe('http-orders 1')
  })

  it('Cache W3: are released by an answer that was old when it came, and share one that only its Date makes old', async () => {
    for (const { age, asks } of [
      { age: ['Date', -1_000], asks: 1 },
      { age: ['Date', -5_000], asks: 10 },
    ] as const) {
      const service = await openCachedService()
      const headers = ['Cache-Control', 'max-age=1', 'ETag', '"one"', age[0], at(service, age[1])]
      const { script, open } = held(() => ({ body: 'x', headers }))
      service.respond = script

      const sent = Array.from({ length: 10 }, () => service.send('/v1/a').seen)
      await turn()
      open()
      await Promise.all(sent)

      expect(service.asked).toHaveLength(asks)
    }
  })

  it('Cache W5: lose nothing when the first of them leaves', async () => {
    const service = await openCachedService()
    const { script, open } = held(() => ({ body: 'hello' }))
    service.respond = script
    const first = service.send('/v1/a')
    const second = service.send('/v1/a').seen
    await turn()

    first.x.leave()
    open()

    expect((await second).text).toBe('hello')
    expect(service.asked).toHaveLength(1)
    expect(service.asked[0]?.gone).toBe(false)
  })

  it('Cache W5: do not keep a fetch going that none of them wants any more', async () => {
    const service = await openCachedService()
    const { script, open } = held(() => problems['client-gone']())
    service.respond = script
    const sent = [service.send('/v1/a'), service.send('/v1/a')]
    await turn()

    for (const { x } of sent) x.leave()

    expect(service.asked[0]?.gone).toBe(true)
    open()
    await Promise.all(sent.map(({ answer }) => answer))
  })

  it('Cache W5: all get what the gateway says when it reaches nobody, each with a request id of its own', async () => {
    const service = await openCachedService()
    const { script, open } = held(() => problems['upstream-refused']({ route: 'r', cause: new Error('planted') }))
    service.respond = script
    const sent = Array.from({ length: 5 }, () => service.send('/v1/a').seen)
    await turn()
    open()

    const seen = await Promise.all(sent)

    expect(seen.map(({ status }) => status)).toEqual(Array(5).fill(502))
    for (const { text, x } of seen) expect(JSON.parse(text)).toMatchObject({ requestId: x.requestId })
    expect(service.asked).toHaveLength(1)
  })

  it("Cache W5: go on by themselves at an error of the service's own", async () => {
    const service = await openCachedService()
    const { script, open } = held(() => ({ status: 503, body: 'busy' }))
    service.respond = script
    const sent = Array.from({ length: 5 }, () => service.send('/v1/a').seen)
    await turn()
    open()
    await Promise.all(sent)

    expect(service.asked).toHaveLength(5)
  })

  it('Cache W2: of an answer too long to be shared are released, and the first one gets all of it', async () => {
    const routes = [cachedRoute('/v1/**', { maxBodyBytes: 10 })]
    const service = await openCachedService({ routes })
    const { script, open } = held(() => ({ body: 'x'.repeat(100) }))
    service.respond = script
    const sent = Array.from({ length: 5 }, () => service.send('/v1/a').seen)
    await turn()
    open()

    expect((await Promise.all(sent)).map(({ text }) => text.length)).toEqual(Array(5).fill(100))
    expect(service.asked).toHaveLength(5)
  })
})
