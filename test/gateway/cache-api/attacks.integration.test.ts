import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import type { CacheStore } from '../../../gateway/store/cache-store.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { eventually } from '../../support/eventually.ts'
import { type CacheApi, type Send, serveCacheApi, startZones, type Zones } from './cache-api-bed.ts'

let zones: Zones
let api: CacheApi<CacheStore>
let send: Send

beforeAll(async () => {
  zones = await startZones()
  api = await serveCacheApi(await zones.site(1), systemClock)
  send = api.send
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await zones[Symbol.asyncDispose]()
})

/** Exact bytes on a connection of their own, until the other side ends it. */
async function raw(bytes: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: api.port })
  socket.setEncoding('latin1')
  socket.write(bytes, 'latin1')
  return text(socket)
}
const head = (line: string, ...fields: string[]) =>
  `${[line, 'host: x', 'authorization: monolith', 'connection: close', ...fields].join('\r\n')}\r\n\r\n`

describe('a hostile key', () => {
  it('is a key like any other, and no two of them are one', async () => {
    const keys = [
      '%0D%0Aset%20other%200%200%201%0D%0Ax',
      '%00',
      'a%00b',
      '..%2F..%2Fadmin',
      '../other/k',
      './k',
      'k',
      '%2e%2e/k',
      'a//b',
      'a%2F%2Fb%3F',
      '%252F',
      '%2F',
      'a:incr',
      '~t/abc',
      '~g',
      '~',
      'lease:k',
      '%F0%9F%A6%8A',
      '%20',
      'k'.repeat(1_024),
      `${'%C3%A4'.repeat(512)}`,
      '%EF%BB%BFk',
      'e%CC%81',
      '%C3%A9',
    ]

    const put = await Promise.all(keys.map((key, at) => send('PUT', `/cache/v1/shop/${key}`, { body: `${at}` })))
    const got = await Promise.all(keys.map((key) => send('GET', `/cache/v1/shop/${key}`)))

    expect(put.map(({ status }) => status)).toEqual(keys.map(() => 201))
    expect(got.map(({ body }) => String(body))).toEqual(keys.map((_, at) => `${at}`))
    expect((await send('GET', '/cache/v1/other/k', { headers: { authorization: 'reader' } })).status).toBe(404)
  })

  it('beyond 1,024 bytes, or that is no text, is refused', async () => {
    for (const key of ['k'.repeat(1_025), '%C3%A4'.repeat(513), '%', '%F', '%FF', '%C0%80', '%ED%A0%80', '']) {
      const answers = await Promise.all(['GET', 'PUT', 'DELETE'].map((method) => send(method, `/cache/v1/shop/${key}`)))
      expect(
        answers.map(({ status }) => status),
        key,
      ).toEqual([400, 400, 400])
    }
  })

  it('reaches no namespace but its own, however it is written', async () => {
    await api.store.put('other', 'k', Buffer.from('secret'), { ttlMs: -1, stamp: api.stamps.next() })
    for (const target of [
      '/cache/v1/other/k',
      '/cache/v1/shop/../other/k',
      '/cache/v1/shop/..%2fother/k',
      '/cache/v1/shop%2F..%2Fother/k',
      '/cache/v1/shop/%2e%2e/other/k',
      '//cache/v1/other/k',
      '/cache/v1//other/k',
      '/cache/v1/shop\\..\\other/k',
      '/cache/v1/http-orders/k',
      '/cache/v1/tidegate-leases/k',
      '/cache/v1/tidegate-once/k',
      '/cache/v1/responses/k',
    ]) {
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const answer = await send(method, target, method === 'PUT' ? { body: 'x' } : {})
        expect(String(answer.body), `${method} ${target}`).not.toContain('secret')
      }
    }
    expect(await api.store.get('other', 'k', { deadlineMs: 500 })).toMatchObject({ value: Buffer.from('secret') })
    for (const own of ['http-orders', 'tidegate-leases', 'tidegate-once', 'responses'])
      for (const authorization of ['greedy', 'monolith'])
        expect(await send('PUT', `/cache/v1/${own}/k`, { body: 'x', headers: { authorization } }), own).toMatchObject({
          status: 403,
        })
  })

  it('never fails the gateway, whatever its bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'PUT', 'DELETE', 'POST'),
        fc.array(
          fc.constantFrom(
            '%',
            '%2F',
            '%00',
            '%25',
            ':',
            '/',
            '..',
            '~',
            'a',
            '%C3',
            '%BC',
            ';',
            '?',
            '&',
            '=',
            '"',
            ':incr',
            ':batch',
          ),
          { maxLength: 12 },
        ),
        async (method, parts) => {
          const answer = await send(
            method,
            `/cache/v1/shop/${parts.join('')}`,
            method === 'PUT' || method === 'POST' ? { body: '{}' } : {},
          )
          expect(answer.status).toBeLessThan(500)
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('a hostile request', () => {
  it('cannot smuggle a header into an answer by what it stores', async () => {
    const answer = await raw(
      `${head('PUT /cache/v1/shop/smuggled HTTP/1.1', 'content-type: a/b\x0bset-cookie: x', 'content-length: 1')}x`,
    )

    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect((await send('GET', '/cache/v1/shop/smuggled')).status).toBe(404)
  })

  it('says twice what may stand once, and is refused', async () => {
    const twice = (field: string) =>
      raw(`${head('PUT /cache/v1/shop/twice HTTP/1.1', field, field, 'content-length: 1')}x`)

    for (const field of [
      'x-tidegate-cache-ttl: 5',
      'x-tidegate-cache-flags: 5',
      'if-match: "1"',
      'x-tidegate-cache-lease: 7',
    ])
      expect(await twice(field), field).toMatch(/^HTTP\/1\.1 400 [\s\S]*cache-request-invalid/)
    expect((await send('GET', '/cache/v1/shop/twice')).status).toBe(404)
  })

  it('holds no memory of ours without a credential: it is refused before its body is read', async () => {
    const answer = await raw(
      `PUT /cache/v1/shop/k HTTP/1.1\r\nhost: x\r\nauthorization: nobody\r\nconnection: close\r\ncontent-length: 1000000\r\n\r\n`,
    )

    expect(answer).toMatch(/^HTTP\/1\.1 401 [\s\S]*cache-unauthenticated/)
  })

  it('is refused by the length that it announces, and by the one that it has', async () => {
    const announced = await raw(head('PUT /cache/v1/shop/k HTTP/1.1', 'content-length: 9000000'))
    expect(announced).toMatch(/^HTTP\/1\.1 413 [\s\S]*cache-too-large/)
    const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`
    const counted = await raw(`${head('PUT /cache/v1/shop/k HTTP/1.1', 'transfer-encoding: chunked')}${chunk}${chunk}`)
    expect(counted).toMatch(/^HTTP\/1\.1 413 [\s\S]*connection: close[\s\S]*cache-too-large/i)
    const small = await raw(head('POST /cache/v1/shop/k:incr HTTP/1.1', 'content-length: 5000'))
    expect(small).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('does not move our clock by an entity tag from the future', async () => {
    const before = api.stamps.next()
    const future = `"${before + (50_000n << 20n)}"`

    for (const method of ['PUT', 'DELETE'])
      expect(await send(method, '/cache/v1/shop/k', { headers: { 'if-match': future } }), method).toMatchObject({
        status: 412,
      })

    expect(api.stamps.next() - before).toBeLessThan(20_000n << 20n)
  })

  it('does not keep batches from others by reading none of its answers', async () => {
    const store = new MemoryStore({ zone: 'near', clock: systemClock })
    const stamps = new StampClock(systemClock, 1)
    await using own = await serveCacheApi({ store, zones: store, stamps }, systemClock, { stalledMs: 1_000 })
    await own.send('PUT', '/cache/v1/shop/large', { body: Buffer.alloc(700_000, 1) })
    const lines = '{"op":"get","key":"large"}\n'.repeat(60)
    const batch = `POST /cache/v1/shop:batch HTTP/1.1\r\nhost: x\r\nauthorization: greedy\r\ncontent-length: ${lines.length}\r\n\r\n`
    const ask = () => own.send('POST', '/cache/v1/shop:batch', { body: '{"op":"get","key":"k"}\n' })
    const deaf = Array.from({ length: 8 }, () =>
      connect(own.port, '127.0.0.1')
        .on('error', () => undefined)
        .pause(),
    )
    try {
      for (const socket of deaf) socket.write(batch + lines)
      await eventually(async () => (await ask()).status === 429)

      await eventually(async () => (await ask()).status === 200, { deadlineMs: 20_000 })
    } finally {
      for (const socket of deaf) socket.destroy()
    }
  }, 30_000)

  it('gets one quota, over however many connections it comes', async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, () =>
        raw('GET /cache/v1/shop/k HTTP/1.1\r\nhost: x\r\nauthorization: slow\r\nconnection: close\r\n\r\n'),
      ),
    )

    const refused = answers.filter((answer) => answer.startsWith('HTTP/1.1 429 '))
    expect(refused.length).toBeGreaterThanOrEqual(20)
    for (const answer of refused) expect(answer).toMatch(/retry-after: \d+[\s\S]*cache-quota/i)
  })
})
