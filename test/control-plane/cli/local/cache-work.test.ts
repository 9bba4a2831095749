import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { CacheWork } from '../../../../control-plane/cli/local/cache-work.ts'

/** The cache API in its documented shape, over a map. */
async function cacheApi() {
  const entries = new Map<string, string>()
  const seen: { method: string; path: string; authorization: string | undefined; ttl: unknown }[] = []
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = '', url: path = '', headers } = request
    seen.push({ method, path, authorization: headers.authorization, ttl: headers['x-tidegate-cache-ttl'] })
    const body = await text(request)
    const had = entries.has(path)
    if (method === 'PUT') entries.set(path, body)
    if (method === 'DELETE') entries.delete(path)
    const status = method === 'PUT' ? (had ? 204 : 201) : !had ? 404 : method === 'DELETE' ? 204 : 200
    response.writeHead(status).end(method === 'GET' ? entries.get(path) : undefined)
  }
  const server = createServer((request, response) => void handle(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

describe('the sample monolith', () => {
  it('keeps what it computed, finds it again, and drops what changed', async () => {
    await using api = await cacheApi()
    const work = new CacheWork({ cache: api.url, token: 't', namespace: 'legacy' })

    for (let round = 0; round < 40; round++) await work.round()

    const { hits, misses, writes, deletes, failures } = work.totals
    expect(failures).toBe(0)
    expect(hits).toBeGreaterThan(5)
    expect(writes).toBe(misses)
    expect(deletes).toBe(5)
    expect(api.seen[0]).toMatchObject({
      method: 'GET',
      path: '/cache/v1/legacy/product%3A0',
      authorization: 'Bearer t',
    })
    expect(api.seen[1]).toMatchObject({ method: 'PUT', ttl: '60' })
  })

  it('goes on without a cache, and tells why', async () => {
    const work = new CacheWork({ cache: 'http://127.0.0.1:1', token: 't', namespace: 'legacy' })

    await work.round()
    await work.round()

    expect(work.totals.failures).toBe(2)
    expect(work.recent[0]?.result).toMatch(/^failed: /)
  })

  it('remembers the last 50 steps only', async () => {
    await using api = await cacheApi()
    const work = new CacheWork({ cache: api.url, token: 't', namespace: 'legacy' })

    for (let round = 0; round < 80; round++) await work.round()

    expect(work.recent).toHaveLength(50)
  })

  it('ends at once when it is told to', async () => {
    await using api = await cacheApi()
    const work = new CacheWork({ cache: api.url, token: 't', namespace: 'legacy' })
    const ending = new AbortController()
    const running = work.run(60_000, ending.signal)

    ending.abort()

    await expect(running).resolves.toBeUndefined()
  })
})
