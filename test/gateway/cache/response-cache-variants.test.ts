import { describe, expect, it } from 'vitest'
import { cachedRoute } from './asked.ts'
import { failing, openCachedService } from './cached-service.ts'

describe('what differs by Vary', () => {
  const byLanguage = () => ['Vary', 'Accept-Language']
  const language = (value: string) => ({ headers: ['Accept-Language', value] })

  it('Cache V2: is given to those who ask alike alone', async () => {
    const service = await openCachedService()
    service.respond = (x) => ({ body: `in ${x.header('accept-language')}`, headers: byLanguage() })
    await service.ask('/v1/a', language('de'))

    expect((await service.ask('/v1/a', language('fr'))).cache).toBe('tidegate-onprem; fwd=vary-miss; stored; ttl=60')
    expect((await service.ask('/v1/a', language('de'))).text).toBe('in de')
    expect((await service.ask('/v1/a')).text).toBe('in undefined')
    expect(service.asked.length).toBe(3)
  })

  it('Cache V3: is the same for codings in another order', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'x', headers: ['Vary', 'accept-encoding'] })
    await service.ask('/v1/a', { headers: ['Accept-Encoding', 'gzip, br;q=0.5'] })

    expect((await service.ask('/v1/a', { headers: ['Accept-Encoding', 'br;q=0.5,GZIP'] })).cache).toContain('hit')
    expect((await service.ask('/v1/a', { headers: ['Accept-Encoding', 'gzip'] })).cache).toContain('vary-miss')
  })

  it('Cache V5: by Authorization matches the same credential alone', async () => {
    const service = await openCachedService()
    service.respond = (x) => ({
      body: `for ${x.header('authorization')}`,
      headers: ['Vary', 'Authorization', 'Cache-Control', 'public, max-age=60'],
    })
    await service.ask('/v1/a', { headers: ['Authorization', 'Bearer anna'] })

    expect((await service.ask('/v1/a', { headers: ['Authorization', 'Bearer ben'] })).text).toBe('for Bearer ben')
    expect((await service.ask('/v1/a')).text).toBe('for undefined')
    expect((await service.ask('/v1/a', { headers: ['Authorization', 'Bearer anna'] })).cache).toContain('hit')
  })

  it('Cache V5: compares credentials byte for byte', async () => {
    const service = await openCachedService()
    service.respond = () => ({ body: 'x', headers: ['Vary', 'Authorization', 'Cache-Control', 'public, max-age=60'] })
    await service.ask('/v1/a', { headers: ['Authorization', 'Digest a,b'] })

    expect((await service.ask('/v1/a', { headers: ['Authorization', 'Digest a, b'] })).cache).toContain('vary-miss')
  })

  it('Cache V5: by a field that the route fills from the caller is told apart by what was sent', async () => {
    const rewrite = { request: { set: { 'x-plan': '{claim.plan}' } } }
    const routes = [cachedRoute('/v1/**', {}, { policy: { rewrite } })]
    const service = await openCachedService({ routes })
    service.respond = () => ({ body: 'x', headers: ['Vary', 'X-Plan', 'Cache-Control', 'public, max-age=60'] })
    const of = (plan: string) => service.ask('/v1/a', { consumer: 'anna', claims: { plan } })
    await of('free')

    expect((await of('gold')).cache).toContain('vary-miss')
    expect((await of('free')).cache).toContain('hit')
  })

  it('Cache V5: by a field that the route sets is told apart by what clients wrote and what was sent', async () => {
    const rewrite = { request: { set: { 'x-plan': 'gold' } } }
    const routes = [cachedRoute('/v1/**', {}, { policy: { rewrite } })]
    const service = await openCachedService({ routes })
    service.respond = () => ({ body: 'x', headers: ['Vary', 'X-Plan'] })
    await service.ask('/v1/a', { headers: ['X-Plan', 'free'] })

    expect((await service.ask('/v1/a', { headers: ['X-Plan', 'other'] })).cache).toContain('vary-miss')
    expect((await service.ask('/v1/a', { headers: ['X-Plan', 'free'] })).cache).toContain('hit')
  })

  it('Cache V7: is asked about with the tags of all variants, and the one that still holds answers from then on', async () => {
    const service = await openCachedService()
    service.respond = (x, count) =>
      count < 3
        ? { body: `in ${x.header('accept-language')}`, headers: [...byLanguage(), 'ETag', `"${count}"`] }
        : { status: 304, headers: ['ETag', '"1"'] }
    await service.ask('/v1/a', language('de'))
    await service.ask('/v1/a', language('fr'))

    const austrian = await service.ask('/v1/a', language('de-AT'))

    expect([austrian.status, austrian.text]).toEqual([200, 'in de'])
    expect(austrian.cache).toBe('tidegate-onprem; fwd=vary-miss; fwd-status=304; ttl=60')
    expect(service.asked[2]?.header('if-none-match')).toMatch(/^"[12]", "[12]"$/)
    expect((await service.ask('/v1/a', language('de-AT'))).cache).toContain('hit')
    expect(service.asked.length).toBe(3)
  })

  it('Cache V7: is fetched whole where the variant that the service confirmed is gone', async () => {
    const faulty = { gone: false }
    const service = await openCachedService({
      zone: (zone) =>
        failing(zone, {
          get: async (ns, key, options) =>
            faulty.gone && key.includes('.') ? { kind: 'miss', because: 'absent' } : zone.get(ns, key, options),
        }),
    })
    service.respond = (x) =>
      x.names.includes('if-none-match')
        ? { status: 304, headers: ['ETag', '"de"'] }
        : { body: `in ${x.header('accept-language')}`, headers: [...byLanguage(), 'ETag', '"de"'] }
    await service.ask('/v1/a', language('de'))
    faulty.gone = true

    const austrian = await service.ask('/v1/a', language('de-AT'))

    expect([austrian.status, austrian.text]).toEqual([200, 'in de-AT'])
    expect(service.asked.map((x) => x.header('if-none-match'))).toEqual([undefined, '"de"', undefined])
  })

  it('Cache V7: is fetched whole where another answer has taken the place of the confirmed one', async () => {
    const service = await openCachedService()
    const held = Promise.withResolvers<void>()
    service.respond = async (x, count) => {
      if (x.header('accept-language') === 'de-AT' && x.names.includes('if-none-match')) {
        await held.promise
        return { status: 304, headers: ['ETag', '"1"'] }
      }
      return { body: `${count} in ${x.header('accept-language')}`, headers: [...byLanguage(), 'ETag', `"${count}"`] }
    }
    await service.ask('/v1/a', language('de'))
    const austrian = service.send('/v1/a', language('de-AT'))
    await service.eventually(() => service.asked.length === 2)
    service.clock.advance(61_000)
    await service.ask('/v1/a', language('de'))
    held.resolve()

    const { status, text } = await austrian.seen

    expect([status, text]).toEqual([200, '4 in de-AT'])
  })

  it('Cache V7: is asked for no more where its client leaves while the confirmed variant is read', async () => {
    const read = Promise.withResolvers<{ kind: 'miss'; because: 'absent' }>()
    let reading = false
    const service = await openCachedService({
      zone: (zone) =>
        failing(zone, {
          get: (ns, key, options) => {
            if (!key.includes('.')) return zone.get(ns, key, options)
            reading = true
            return read.promise
          },
        }),
    })
    service.respond = (x) =>
      x.names.includes('if-none-match')
        ? { status: 304, headers: ['ETag', '"de"'] }
        : { body: 'x', headers: [...byLanguage(), 'ETag', '"de"'] }
    await service.ask('/v1/a', language('de'))
    const austrian = service.send('/v1/a', language('de-AT'))
    await service.eventually(() => reading)

    austrian.x.leave()
    read.resolve({ kind: 'miss', because: 'absent' })
    await austrian.seen

    expect(service.asked.map(({ gone }) => gone)).toEqual([false, true, true])
  })
})
