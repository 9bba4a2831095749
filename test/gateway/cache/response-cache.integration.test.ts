import { hash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { CachePolicy } from '#routes/policy.ts'
import { eventually } from '../../support/eventually.ts'
import {
  type Answer,
  ok,
  type RecordedRequest,
  type RecordingUpstream,
  startRecordingUpstream,
} from '../../support/recording-upstream.ts'
import { startMemcached, type TestServer } from '../../support/servers.ts'
import { placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream
let memcached: TestServer
let gateway: RunningGateway
let respond: (request: RecordedRequest) => Answer
let served = 0

const cache: CachePolicy = {
  profile: 'api',
  ttlMs: 60_000,
  per: 'everyone',
  key: { headers: ['accept-language'] },
  tags: [],
}
const auth = { scopes: [] }

beforeAll(async () => {
  bed = await openBed()
  memcached = await startMemcached()
  upstream = await startRecordingUpstream((request) => respond(request))
  const services = [service('orders', { deployments: [{ site: 'onprem', url: upstream.url }] })]
  const host = { unsafeTargets: 'reject' } as const
  const hosts = [
    { ...host, name: 'api.example.com', aliases: ['localhost', '127.0.0.1'] },
    { ...host, name: '*.shop.example.com', aliases: [] },
  ]
  const routes = [
    route('/public/**', { policy: { ...policy, cache } }),
    route('/shared/**', { policy: { ...policy, auth, cache } }),
    route('/mine/**', { policy: { ...policy, auth, cache: { ...cache, per: 'consumer' } } }),
    route('/public/vip/**'),
    route('/short/**', { policy: { ...policy, cache: { ...cache, ttlMs: 1_000 } } }),
    route('/never/**'),
    route('/open-mine/**', { policy: { ...policy, cache: { ...cache, per: 'consumer' } } }),
  ]
  await bed.writeTable('table', structure(routes, { services, hosts }), placementSet([]))
  const tokens = ['anna', 'ben'].map((consumer) => ({
    sha256: hash('sha256', `token-of-${consumer}`, 'hex'),
    consumer,
    scopes: [],
  }))
  await writeFile(bed.folder.file('tokens.json'), JSON.stringify(tokens))
  gateway = await bed.start('onprem', {
    table: { file: 'table' },
    tokens: { driver: 'memory', file: 'tokens.json' },
    cache: { zones: [{ name: 'near', driver: 'memcached', nodes: [memcached.address] }] },
  })
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await Promise.all([upstream.close(), memcached.stop()])
})

beforeEach(() => {
  served = 0
  respond = () => ok(`answer ${++served}`, ['X-Kept: yes'])
})

async function ask(path: string, headers: Record<string, string> = {}, method = 'GET') {
  const answer = await fetch(gateway.public + path, { method, headers })
  return {
    text: await answer.text(),
    status: answer.status,
    cache: answer.headers.get('cache-status'),
    headers: answer.headers,
  }
}

/** Head first, the rest with its surplus a moment later: the end is then told while it is read. */
async function* later(head: string, rest: string): AsyncGenerator<string> {
  yield head
  await new Promise((resolve) => setTimeout(resolve, 30))
  yield rest
}

const as = (consumer: string) => ({ authorization: `Bearer token-of-${consumer}` })

/** Asks until the answer comes from the store: what asks meanwhile is given the first one's, so the service is asked once. */
async function warm(path: string, headers: Record<string, string> = {}): Promise<string> {
  const first = await ask(path, headers)
  await eventually(async () => ((await ask(path, headers)).cache ?? '').includes('; hit'))
  return first.text
}

describe('an answer of a route with a cache policy', () => {
  it('is stored once it was given, and given again from the store, with its age and where it came from', async () => {
    const first = await warm('/public/a?x=1')

    const again = await ask('/public/a?x=1')

    expect(first).toBe('answer 1')
    expect(again.text).toBe('answer 1')
    expect(again.cache).toMatch(/^tidegate-onprem; hit; ttl=\d+$/)
    expect(again.headers.get('x-kept')).toBe('yes')
    expect(Number(again.headers.get('age'))).toBeLessThan(5)
    expect(served).toBe(1)
  })

  describe('with bytes behind it that are no part of it', () => {
    const headOf = (framing: string) => `HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`
    const another = `${headOf('Content-Length: 5')}other`

    it.each([
      ['behind its length', headOf('Content-Length: 5'), 'whole', ' and more', 'whole'],
      ['that are an answer', headOf('Content-Length: 5'), 'whole', another, 'whole'],
      ['behind its last chunk', headOf('Transfer-Encoding: chunked'), '5\r\nwhole\r\n0\r\n\r\n', another, 'whole'],
      ['behind none of its own', headOf('Content-Length: 0'), '', 'more', ''],
    ])('Cache S2: is given once, and not stored: %s', async (name, head, body, surplus, text) => {
      let count = 0
      const atOnce = head + body + surplus
      // What comes after an answer was over, as one without a body is with its head, is nobody's: the connection ends.
      const answered = body === '' ? [atOnce] : [atOnce, later(head, body + surplus)]
      respond = () => ({ bytes: answered[count++] ?? `${head}${body}` })
      const path = `/public/surplus/${hash('sha256', name, 'hex').slice(0, 8)}`

      for (let time = 1; time <= answered.length; time++) {
        expect((await ask(path)).text).toBe(text)
        expect(count).toBe(time)
      }

      // The next one is sound, and stored.
      await warm(path)
      expect(count).toBe(answered.length + 1)
    })
  })

  it('answers HEAD too, without a body', async () => {
    await warm('/public/head')

    const head = await ask('/public/head', {}, 'HEAD')

    expect([head.status, head.text, head.headers.get('content-length')]).toEqual([200, '', '8'])
    expect(served).toBe(1)
  })

  it.each([
    ['another query', '/public/query?x=1', '/public/query?x=2', { 'accept-language': 'de' }],
    ['another path', '/public/path?x=1', '/public/path2?x=1', { 'accept-language': 'de' }],
    ['another language', '/public/language', '/public/language', { 'accept-language': 'fr' }],
    ['no language', '/public/none', '/public/none', {}],
  ])('is not given for %s', async (_, path, other, headers) => {
    await warm(path, { 'accept-language': 'de' })
    const before = served

    await ask(other, headers)

    expect(served).toBe(before + 1)
  })

  it('is gone when its time is over', async () => {
    await warm('/short/a')

    await eventually(async () => (await ask('/short/a')).text !== 'answer 1', { deadlineMs: 4000, everyMs: 100 })
  })

  it.each([
    ['Set-Cookie', () => ok('x', ['Set-Cookie: session=1'])],
    ['Cache-Control: no-store', () => ok('x', ['Cache-Control: no-store'])],
    ['Cache-Control: private', () => ok('x', ['Cache-Control: max-age=60, private'])],
    ['Cache-Control: max-age=0', () => ok('x', ['Cache-Control: max-age=0'])],
    ['a Vary that the key leaves out', () => ok('x', ['Vary: Cookie'])],
    ['another status', () => ({ bytes: 'HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx' })],
    ['a size beyond what a store takes', () => ok('x'.repeat(1024 * 1024 + 1))],
  ] satisfies [string, () => Answer][])('is not stored with %s', async (_, answer) => {
    respond = () => {
      served++
      return answer()
    }
    const path = `/public/not-stored-${hash('sha256', _, 'hex').slice(0, 8)}`

    await ask(path)
    await ask(path)

    expect(served).toBe(2)
  })

  it('is not stored when it breaks off', async () => {
    respond = () => {
      served++
      return { bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc', after: 'close' }
    }
    await ask('/public/broken').catch(() => undefined)

    respond = () => ok('whole')

    expect((await ask('/public/broken')).text).toBe('whole')
  })

  it('Cache G1: gives a part of itself', async () => {
    await warm('/public/range')

    const part = await ask('/public/range', { range: 'bytes=0-1' })

    expect([part.status, part.text, part.headers.get('content-range')]).toEqual([206, 'an', 'bytes 0-1/8'])
    expect(served).toBe(1)
  })

  it('P6: is not looked for when the service might read the path as that of another route', async () => {
    await ask('/public/Vip')
    const again = await ask('/public/Vip')

    expect(again.cache).toBe('tidegate-onprem; fwd=bypass; detail=unsafe-target')
    expect(served).toBe(2)
  })

  it('is not stored for methods that write', async () => {
    await ask('/public/post', {}, 'POST')
    await ask('/public/post', {}, 'POST')

    expect(served).toBe(2)
  })
})

describe('an answer to somebody', () => {
  it('is kept for that consumer alone where the route says so', async () => {
    respond = ({ head }) => ok(`for ${/x-tidegate-consumer: (\S+)/.exec(head)?.[1]}`)
    expect(await warm('/mine/a', as('anna'))).toBe('for anna')

    expect((await ask('/mine/a', as('ben'))).text).toBe('for ben')
    expect((await ask('/mine/a', as('anna'))).cache).toMatch(/hit/)
    expect((await ask('/mine/a')).status).toBe(401)
  })

  it('is never stored for all unless it says that it is public', async () => {
    respond = ({ head }) => ok(`for ${/x-tidegate-consumer: (\S+)/.exec(head)?.[1]}`)

    await ask('/shared/a', as('anna'))

    expect((await ask('/shared/a', as('ben'))).text).toBe('for ben')
  })

  it('is stored for all who may see it when it says that it is public', async () => {
    respond = () => ok('for all', ['Cache-Control: public, max-age=60'])
    await warm('/shared/b', as('anna'))

    expect((await ask('/shared/b', as('ben'))).cache).toMatch(/hit/)
    expect((await ask('/shared/b')).status).toBe(401)
  })
})

describe('an answer that a stranger provoked', () => {
  /** `fetch` writes its own Host. */
  async function raw(path: string, fields: readonly string[]): Promise<string> {
    const client = await rawClient(gateway.port)
    client.write(`GET ${path} HTTP/1.1\r\n${fields.join('\r\n')}\r\nConnection: close\r\n\r\n`)
    return client.closed()
  }

  it.each([
    ['another port', 'api.example.com:1337'],
    ['a trailing dot', 'api.example.com.'],
    ['an alias', 'localhost'],
    ['another name under one wildcard', 'two.shop.example.com'],
  ])('for %s of the host is given to nobody else', async (_, host) => {
    respond = ({ head }) => ok(`link to ${/^host: (.*)$/im.exec(head)?.[1]} ${++served}`)
    const victim = host.startsWith('two') ? 'one.shop.example.com' : 'api.example.com'
    const path = `/public/host-${host.replace(/\W/g, '-')}`
    await raw(path, [`Host: ${host}`])
    await eventually(async () => (await raw(path, [`Host: ${host}`])).includes('; hit'))

    expect(await raw(path, [`Host: ${victim}`])).toContain(`link to ${victim} 2`)
  })

  it('with an X-Original-URL never comes from another path', async () => {
    let seen: string | undefined
    respond = ({ head }) => {
      seen = head
      return ok('fine')
    }
    await ask('/public/original', { 'x-original-url': '/v1/orders/admin', accept: '*/*' })

    expect(seen).toContain('GET /public/original')
    expect(seen).not.toContain('admin')
  })

  it.each([
    ['a token that the public route does not look at', '/open-mine/a', { authorization: 'Bearer of-anna' }],
    ['a session cookie', '/public/session', { cookie: 'session=anna' }],
  ])('with %s is not stored for those without', async (_, path, credential) => {
    respond = ({ head }) => ok(`for ${/anna/.exec(head)?.[0] ?? 'anybody'}`)
    expect((await ask(path, credential)).text).toContain('anna')
    // The next one is stored by the same queue of work: what the first one might have stored is there by then.
    await warm(`/public/behind${path}`)

    expect((await ask(path)).text).toBe('for anybody')
  })
})

describe('a store that is away', () => {
  it('costs a fetch and no failed request', async () => {
    await warm('/public/away')
    await memcached.process.stop()

    const answer = await ask('/public/away')

    expect([answer.status, served]).toEqual([200, 2])
  })
})
