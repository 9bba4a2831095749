import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { headers } from '#routes/messages.ts'
import type { Placement } from '#routes/placement.ts'
import { writeSigned } from '#routes/signed-value.ts'
import { eventually } from '../support/eventually.ts'
import { type Answer, ok, type RecordedRequest } from '../support/recording-upstream.ts'
import { placement, placementSet, policy, route, structure } from '../support/tables.ts'
import { bodyOf, type EdgeBed, field, startEdgeBed, statusOf } from './edge-bed.ts'

const quick = { connectMs: 0, firstByteMs: 1, totalMs: 1 }
const closed = { kind: 'maintenance', retryAfterMs: 90_000, message: 'Back at <12:00>' } as const
const routes = [
  route('/v1/orders/**'),
  route('/v1/orders/quick', { policy: { ...policy, timeout: quick } }),
  route('/v1/orders/closed', { policy: { ...policy, answer: closed } }),
  route('/v1/users/**', { service: 'users' }),
  route('/v1/teams/**', { service: 'teams' }),
  route('/v1/prices', { service: 'teams' }),
  route('/v1/prices', { service: 'users', when: [{ from: 'country', test: 'equals', value: 'DE' }] }),
]
const failover: Partial<Placement> = { failover: { to: 'cloud', safeOnly: true } }
const shadow: Partial<Placement> = {
  shadow: { to: 'cloud', sample: 10_000, again: 0, maxInFlight: 2, at: 'edge' },
}
const half: Partial<Placement> = { key: ['sticky'], moving: { to: 'cloud', reads: 5_000, writes: 0 } }
const hosts = [{ name: 'api.example.com', aliases: [], unsafeTargets: 'reject' as const, stickyCookie: true as const }]

type Does = (request: RecordedRequest) => Answer | Promise<Answer>
const does: Record<'onprem' | 'cloud', Does> = { onprem: () => ok('onprem'), cloud: () => ok('cloud') }
let bed: EdgeBed

beforeAll(async () => {
  bed = await startEdgeBed({
    offer: async (sealer) => ({
      structure: await sealer.structure(structure(routes, { hosts })),
      placements: await sealer.placements(
        placementSet([
          placement('orders', failover),
          placement('users', { owner: 'onprem', ...half }),
          placement('teams', shadow),
        ]),
      ),
    }),
    answer: (request, site) => does[site](request),
    more: { trustedCountryHeader: 'X-Country' },
  })
})
afterAll(() => bed[Symbol.asyncDispose]())
beforeEach(async () => {
  does.onprem = () => ok('onprem')
  does.cloud = () => ok('cloud')
  // A success ends what an earlier test did to the site.
  await bed.raw(get('/v1/orders/1', '', 'POST'))
})

const get = (target: string, more = '', method = 'GET', host = 'api.example.com') =>
  `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}${method === 'POST' ? 'Content-Length: 0\r\n' : ''}\r\n`
const status = (code: number, body = '', more = ''): Answer => ({
  bytes: `HTTP/1.1 ${code} Said So\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`,
})
const reset: Does = () => ({ bytes: '', after: 'reset' })

/** Sends, and gives what came back and how many requests each gateway got by it. */
async function sent(bytes: string) {
  const count = () => ({ onprem: bed.sites.onprem.requests.length, cloud: bed.sites.cloud.requests.length })
  const before = count()
  const answer = await bed.raw(bytes)
  const after = count()
  const requests = {
    onprem: bed.sites.onprem.requests.slice(before.onprem),
    cloud: bed.sites.cloud.requests.slice(before.cloud),
  }
  return { answer, body: bodyOf(answer), asked: [after.onprem - before.onprem, after.cloud - before.cloud], requests }
}

const flagsOf = async (request: RecordedRequest | undefined) => {
  const read = request && (await bed.markOf(request))
  return read?.ok ? read.mark.flags : read
}

describe('failover on the wire', () => {
  it.each<[string, Does]>([
    ['the connection breaks', reset],
    ['503 comes back', () => status(503, 'away')],
    ['522 comes back', () => status(522, 'away')],
  ])('asks the other site once when %s', async (_, what) => {
    does.onprem = what
    const { body, asked, requests } = await sent(get('/v1/orders/1'))

    expect([body, ...asked]).toEqual(['cloud', 1, 1])
    expect(await flagsOf(requests.onprem[0])).toEqual([])
    expect(await flagsOf(requests.cloud[0])).toEqual(['failover'])
    expect(field(requests.cloud[0]?.head ?? '', headers.attempt)).toBe('1')
  })

  it('asks nobody else when the gateway refused on purpose, and takes that word out of the answer', async () => {
    does.onprem = () => status(503, 'shed', `${headers.failover}: no\r\nRetry-After: 1\r\n`)
    const { answer, body, asked } = await sent(get('/v1/orders/1'))

    expect([statusOf(answer), body, ...asked]).toEqual([503, 'shed', 1, 0])
    expect(answer).not.toMatch(/x-tidegate/i)
    expect(field(answer, 'retry-after')).toBe('1')
  })

  it('never carries a POST, with or without a body', async () => {
    does.onprem = () => status(503)
    expect((await sent(get('/v1/orders/1', '', 'POST'))).asked).toEqual([1, 0])
    const upload =
      'POST /v1/orders/1 HTTP/1.1\r\nHost: api.example.com\r\nIdempotency-Key: k\r\nContent-Length: 3\r\n\r\nabc'
    expect((await sent(upload)).asked).toEqual([1, 0])
  })

  it('answers with the first outcome when both fail', async () => {
    does.onprem = () => status(503, 'first')
    does.cloud = () => status(502, 'second')
    const { answer, body, asked } = await sent(get('/v1/orders/1'))

    expect([statusOf(answer), body, ...asked]).toEqual([503, 'first', 1, 1])
  })

  it('goes round a site that failed five times in a row, and sends one request in 5 s to see', async () => {
    does.onprem = reset
    for (let failure = 0; failure < 5; failure++) await sent(get('/v1/orders/1'))
    for (let request = 0; request < 20; request++) {
      const { body, asked } = await sent(get('/v1/orders/1'))
      expect([body, ...asked]).toEqual(['cloud', 0, 1])
    }

    does.onprem = () => ok('onprem')
    await eventually(async () => (await sent(get('/v1/orders/1'))).body === 'onprem', { deadlineMs: 8_000 })
    expect((await sent(get('/v1/orders/1'))).body).toBe('onprem')
    expect((await bed.status()).counts).toMatchObject({ failoversSpared: 0 })
  })
})

describe('a copy on the wire', () => {
  it('goes beside the request, whose client never waits for it, and is dropped when the other site hangs', async () => {
    const gate = Promise.withResolvers<void>()
    does.cloud = async () => {
      await gate.promise
      return ok('copy')
    }
    const before = (await bed.status()).counts
    const copies = bed.sites.cloud.requests.length
    for (let request = 0; request < 5; request++) {
      const { body, requests } = await sent(get(`/v1/teams/${request}`))
      expect(body).toBe('onprem')
      expect(await flagsOf(requests.onprem[0])).toEqual(request < 2 ? ['shadowed'] : [])
    }
    await bed.sites.cloud.received(copies + 2)
    const { counts } = await bed.status()
    expect([counts.shadows - before.shadows, counts.shadowsDropped - before.shadowsDropped]).toEqual([2, 3])
    expect(bed.sites.cloud.requests.length).toBe(copies + 2)

    const copy = bed.sites.cloud.requests[copies]
    expect(await flagsOf(copy)).toEqual(['shadow'])
    expect(field(copy?.head ?? '', headers.shadow)).toBe('1')
    gate.resolve()
    await eventually(async () => {
      await sent(get('/v1/teams/1'))
      return (await bed.status()).counts.shadows > counts.shadows
    })
  })
})

describe('signed words on the wire', () => {
  it('send a tester’s reads to the other site, and leave writes where they are', async () => {
    const word = await writeSigned('force', 'cloud', Date.now() + 60_000, bed.rings.control)
    const forced = await sent(get('/v1/orders/1', `X-Tidegate-Force: ${word}\r\n`))
    const byCookie = await sent(get('/v1/orders/1', `Cookie: a=1; tidegate-force=${word};b=2\r\n`))
    const write = await sent(get('/v1/orders/1', `X-Tidegate-Force: ${word}\r\n`, 'POST'))
    const wrong = await sent(get('/v1/orders/1', `X-Tidegate-Force: ${word.slice(0, -2)}AA\r\n`))

    expect([forced.asked, byCookie.asked, write.asked, wrong.asked]).toEqual([
      [0, 1],
      [0, 1],
      [1, 0],
      [1, 0],
    ])
    expect(field(byCookie.requests.cloud[0]?.head ?? '', 'cookie')).toBe('a=1;b=2')
    for (const { requests } of [forced, write, wrong]) {
      expect([...requests.onprem, ...requests.cloud][0]?.head).not.toMatch(/x-tidegate-force/i)
    }
  })

  it('become a cookie once, and its client stays where it is while its token changes', async () => {
    const word = await writeSigned('sticky', 'A'.repeat(22), Date.now() + 60_000, bed.rings.gateway)
    does.onprem = () => ok('onprem', [`${headers.sticky}: ${word}`, 'Set-Cookie: own=1', 'Set-Cookie: own=2'])
    does.cloud = does.onprem
    const { answer } = await sent(get('/v1/users/1'))

    expect(answer.match(/\r\nset-cookie: [^\r]*/gi)).toEqual([
      '\r\nSet-Cookie: own=1',
      '\r\nSet-Cookie: own=2',
      `\r\nSet-Cookie: tidegate-sticky=${word}; Path=/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax`,
    ])
    expect(answer).not.toMatch(/x-tidegate/i)
    const asked = new Set<string>()
    for (let request = 0; request < 10; request++) {
      const more = `Authorization: Bearer t${request}\r\nCookie: tidegate-sticky=${word}\r\n`
      asked.add((await sent(get('/v1/users/1', more))).asked.join())
    }
    expect(asked.size).toBe(1)
  })

  it('are set nowhere but on hosts that want it', async () => {
    does.onprem = () => ok('onprem', [`${headers.sticky}: x`])
    const { answer } = await sent(get('/v1/orders/1', '', 'GET', 'other.example.com'))

    expect(answer).not.toMatch(/set-cookie|x-tidegate/i)
  })
})

describe('an answer that had words for the edge', () => {
  it('is otherwise the very bytes that came: encodings, HEAD, 204, 304, and an explanation', async () => {
    const gzipped = gzipSync('zipped text').toString('latin1')
    const hint = `${headers.table}: s=1;p=1\r\n`
    const cases: [string, string][] = [
      [
        'GET',
        `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nETag: "strong"\r\nContent-Length: ${gzipped.length}\r\n${hint}\r\n${gzipped}`,
      ],
      ['GET', `HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 4\r\n${hint}\r\nabcd`],
      ['GET', `HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 4\r\n${hint}\r\nabcd`],
      ['HEAD', `HTTP/1.1 200 OK\r\nContent-Length: 400\r\nX-Tidegate-Explained: yes\r\n${hint}\r\n`],
      ['GET', `HTTP/1.1 204 No Content\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n${hint}\r\n`],
      ['GET', `HTTP/1.1 304 Not Modified\r\nETag: "e"\r\n${hint}\r\n`],
    ]
    for (const [method, bytes] of cases) {
      does.onprem = () => ({ bytes: Buffer.from(bytes, 'latin1') })
      const { answer } = await sent(get('/v1/orders/1', '', method))

      expect(answer.split('\r\n').toSorted()).toEqual(bytes.replace(hint, '').split('\r\n').toSorted())
    }
  })
})

describe('what the edge adds or answers by itself', () => {
  it('is a trace where none came, and the client’s own byte for byte where one did', async () => {
    const own = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const with1 = await sent(get('/v1/orders/1', `traceparent: ${own}\r\ntracestate: x=1, y=2\r\n`))
    const without = await sent(get('/v1/orders/1'))

    expect(field(with1.requests.onprem[0]?.head ?? '', 'traceparent')).toBe(own)
    expect(field(with1.requests.onprem[0]?.head ?? '', 'tracestate')).toBe('x=1, y=2')
    expect(field(without.requests.onprem[0]?.head ?? '', 'traceparent')).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-00$/)
  })

  it('is the country that the front tells, which selects a route and stands in the mark', async () => {
    const german = await sent(get('/v1/prices', 'X-Country: de\r\n'))
    const french = await sent(get('/v1/prices', 'X-Country: FR\r\n'))

    expect(await bed.markOf(german.requests.onprem[0] as RecordedRequest)).toMatchObject({
      mark: { unit: 'users', country: 'DE' },
    })
    expect(await bed.markOf(french.requests.onprem[0] as RecordedRequest)).toMatchObject({
      mark: { unit: 'teams', country: 'FR' },
    })
  })

  it('is maintenance, also with no gateway in reach, but not for another origin’s script', async () => {
    does.onprem = reset
    const html = await sent(get('/v1/orders/closed', 'Accept: text/html\r\n'))
    const json = await sent(get('/v1/orders/closed', 'X-Request-Id: r-1\r\n'))
    const head = await sent(get('/v1/orders/closed', 'X-Request-Id: r-1\r\n', 'HEAD'))

    expect([statusOf(html.answer), ...html.asked]).toEqual([503, 0, 0])
    expect(field(html.answer, 'retry-after')).toBe('90')
    expect(html.body).toContain('Back at &#60;12:00&#62;')
    expect(JSON.parse(json.body)).toMatchObject({ code: 'maintenance', requestId: 'r-1', detail: closed.message })
    expect([statusOf(head.answer), head.body]).toEqual([503, ''])
    expect(field(head.answer, 'content-length')).toBe(field(json.answer, 'content-length'))
    does.onprem = () => ok('onprem')
    expect((await sent(get('/v1/orders/closed', 'Origin: https://x.test\r\n'))).body).toBe('onprem')
  })

  it('is 504 when no gateway begins to answer in time, and none is left with a request that nobody waits for (Edge D17)', async () => {
    const gate = Promise.withResolvers<Answer>()
    does.onprem = () => gate.promise
    const count = bed.sites.onprem.requests.length
    const answered = bed.raw(get('/v1/orders/quick', '', 'POST'), { deadlineMs: 9_000 })
    await bed.sites.onprem.received(count + 1)
    const { open } = bed.sites.onprem

    expect(JSON.parse(bodyOf(await answered))).toMatchObject({ status: 504, code: 'origin-timeout' })
    await eventually(() => bed.sites.onprem.open < open)
    gate.resolve(ok('late'))
  })

  it('is a question of doctor, also about a target that a host refuses', async () => {
    const { asked, requests } = await sent(get('/v1/orders/a%2Fb', 'X-Tidegate-Echo: plain.1.k1.m\r\n'))

    expect(asked).toEqual([1, 0])
    expect(field(requests.onprem[0]?.head ?? '', headers.echo)).toBe('plain.1.k1.m')
    expect(await flagsOf(requests.onprem[0])).toEqual(['unsafe'])
  })
})
