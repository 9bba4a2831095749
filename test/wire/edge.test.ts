import { createHash } from 'node:crypto'
import { connect } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { writeMark } from '#routes/hop.ts'
import { headers, paths, type TableOffer, tableHint } from '#routes/messages.ts'
import { seal } from '#routes/seal.ts'
import { eventually } from '../support/eventually.ts'
import { ok, type RecordedRequest } from '../support/recording-upstream.ts'
import { placement, placementSet, route, type Sealer, structure } from '../support/tables.ts'
import { bodyOf, type EdgeBed, field, startEdgeBed, statusOf } from './edge-bed.ts'

const routes = [
  route('/v1/orders/**'),
  route('/v1/users/**', { service: 'users' }),
  route('/legacy/**', { host: 'old.example.com' }),
]
const hosts = [
  { name: 'api.example.com', aliases: [], unsafeTargets: 'reject' as const },
  { name: 'old.example.com', aliases: [], unsafeTargets: 'observe' as const },
]

async function offer(sealer: Sealer, number: number, owner = 'cloud'): Promise<TableOffer> {
  const placements = [placement('users', { owner, epoch: number })]
  return {
    structure: await sealer.structure(structure(routes, { hosts })),
    placements: await sealer.placements(placementSet(placements, { number })),
  }
}

/** What the gateways answer next; each test sets its own. */
let answer: (request: RecordedRequest) => ReturnType<typeof ok> = () => ok('fine')
let bed: EdgeBed
let published = 10

beforeAll(async () => {
  bed = await startEdgeBed({ offer: (sealer) => offer(sealer, 10), answer: (request) => answer(request) })
})
afterAll(() => bed[Symbol.asyncDispose]())
beforeEach(() => {
  answer = () => ok('fine')
})

/** Sends and gives what the gateway that got it recorded. */
async function sent(bytes: string): Promise<RecordedRequest & { readonly site: string }> {
  const before = { onprem: bed.sites.onprem.requests.length, cloud: bed.sites.cloud.requests.length }
  await bed.raw(bytes)
  for (const site of ['onprem', 'cloud'] as const) {
    const request = bed.sites[site].requests[before[site]]
    if (request !== undefined) return { ...request, site }
  }
  throw new Error('no gateway got it')
}

const get = (target: string, more = '', host = 'api.example.com') =>
  `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n${more}\r\n`

async function publish(owner: string): Promise<void> {
  published++
  bed.plane.say = await offer(bed.sealer, published, owner)
}

describe('traffic through the edge', () => {
  it('goes to the owner of its unit, and where no route matches to the default site', async () => {
    expect((await sent(get('/v1/users/1'))).site).toBe('cloud')
    expect((await sent(get('/v1/orders/1'))).site).toBe('onprem')
    expect((await sent(get('/nowhere'))).site).toBe('onprem')
    expect((await sent(get('/v1/users/1', '', 'other.example.org'))).site).toBe('cloud')
  })

  it('carries a mark that says what was decided and that a gateway can verify', async () => {
    const request = await sent(get('/v1/users/1?q=%2f', 'X-Request-Id: my-id\r\n'))

    expect(await bed.markOf(request)).toMatchObject({
      ok: true,
      mark: {
        requestId: 'my-id',
        route: 'users:*:/v1/users/**',
        unit: 'users',
        because: 'steady',
        from: 'edge-test',
        flags: [],
      },
    })
  })

  it('carries no header that a client may not send', async () => {
    const spoofed = [
      'X-Tidegate-Edge: v=1;m=x',
      'x-tidegate-hop: 1',
      'X_Tidegate_Call: 1',
      'CF-Connecting-IP: 6.6.6.6',
      'X-Forwarded-For: 6.6.6.6',
    ]
    const request = await sent(get('/v1/orders/1', `${spoofed.join('\r\n')}\r\n`))

    expect(request.head).not.toMatch(/6\.6\.6\.6|hop|call/i)
    expect(request.head.match(/x-tidegate/gi)).toEqual(['x-tidegate'])
    expect(await bed.markOf(request)).toMatchObject({ ok: true })
    expect(await bed.markOf(request)).not.toHaveProperty('mark.address')
  })

  it('comes back byte for byte: duplicate and mixed-case headers, reason phrase, redirect', async () => {
    const head =
      'HTTP/1.1 302 Look Elsewhere\r\nContent-Length: 2\r\nLocation: http://elsewhere.test/\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-MiXed: 1'
    answer = () => ({ bytes: `${head}\r\n\r\nhi` })
    const received = await bed.raw(get('/v1/orders/1'))

    expect(received.split('\r\n').toSorted()).toEqual(`${head}\r\n\r\nhi`.split('\r\n').toSorted())
  })

  it('is refused with 400 when its target could be read as another path and the host rejects such', async () => {
    const before = bed.sites.onprem.requests.length + bed.sites.cloud.requests.length
    for (const target of ['/v1/orders/../users', '/a%2Fb', '//v1/orders', '/a\\b', '/%', '/%252e%252e/x']) {
      const received = await bed.raw(get(target))

      expect(statusOf(received)).toBe(400)
      expect(JSON.parse(bodyOf(received))).toMatchObject({ code: 'target-unsafe', status: 400 })
      expect(field(received, 'content-type')).toBe('application/problem+json')
    }
    expect(bed.sites.onprem.requests.length + bed.sites.cloud.requests.length).toBe(before)
  })

  it('with such a target goes on where the host observes, signed as it leaves and flagged', async () => {
    for (const target of ['/legacy/a%2Fb', '//legacy', '/legacy/../x', '/legacy/%']) {
      const request = await sent(get(target, '', 'old.example.com'))

      expect(await bed.markOf(request)).toMatchObject({ ok: true, mark: { flags: ['unsafe'] } })
    }
  })

  it('is answered 508 when it has passed an edge already', async () => {
    const mark = {
      at: Date.now(),
      requestId: 'r',
      structure: 1,
      placements: 1,
      because: 'steady',
      from: 'edge-2',
      flags: [],
    }
    const value = await writeMark(
      'edge',
      mark,
      { method: 'GET', host: 'api.example.com', target: '/v1/orders/1' },
      bed.rings.gateway,
    )

    const received = await bed.raw(get('/v1/orders/1', `${headers.edge}: ${value}\r\n`))

    expect(statusOf(received)).toBe(508)
    expect(JSON.parse(bodyOf(received))).toMatchObject({ code: 'loop' })
  })

  it('is answered 502 in problem+json when the connection to the gateway breaks', async () => {
    answer = () => ({ bytes: '', after: 'reset' })
    const received = await bed.raw(get('/v1/orders/1', 'X-Request-Id: r-7\r\n'))

    expect(statusOf(received)).toBe(502)
    expect(JSON.parse(bodyOf(received))).toEqual({
      type: 'urn:tidegate:problem:origin-unreachable',
      title: 'Origin unreachable',
      status: 502,
      code: 'origin-unreachable',
      requestId: 'r-7',
    })
  })

  it('uploads although the client expects 100-continue', async () => {
    const count = bed.sites.onprem.requests.length
    const request =
      'POST /v1/orders HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc'
    await bed.raw(request, { wholeWhen: (text) => text.endsWith('fine') })

    const recorded = bed.sites.onprem.requests[count]
    expect(recorded?.body.toString()).toBe('abc')
    expect(recorded?.head).not.toMatch(/expect/i)
  })

  it('streams an answer as it comes', async () => {
    const gate = Promise.withResolvers<void>()
    answer = () => ({
      bytes: (async function* () {
        yield 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n'
        await gate.promise
        yield '7\r\nsecond\n\r\n0\r\n\r\n'
      })(),
    })

    const received = await bed.raw(get('/v1/orders/1'), { wholeWhen: (text) => text.includes('first') })
    gate.resolve()

    expect(received).not.toContain('second')
  })
})

describe('a connection through the edge', () => {
  it('is ended at the gateway when the client goes away in its upload', async () => {
    const count = bed.sites.onprem.requests.length
    const socket = connect(bed.port, '127.0.0.1')
    socket.write('POST /v1/orders HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 10\r\n\r\nhalf')
    const request = await bed.sites.onprem.received(count + 1)

    socket.resetAndDestroy()

    await eventually(() => request.aborted, { what: 'the gateway seeing the client leave' })
  })

  it('becomes a WebSocket when both sides want one', async () => {
    const upgrade = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n'
    answer = ({ head }) => {
      const accept = createHash('sha1').update(
        `${field(head, 'sec-websocket-key')}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`,
      )
      const lines = [
        'HTTP/1.1 101 Switching Protocols',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Accept: ${accept.digest('base64')}`,
      ]
      // A text frame of two characters after the head.
      return { bytes: `${lines.join('\r\n')}\r\n\r\n\x81\x02hi` }
    }

    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
    const received = await bed.raw(get('/v1/orders/live', upgrade + key), { wholeWhen: (text) => text.endsWith('hi') })

    expect(statusOf(received)).toBe(101)
    expect(field(received, 'sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
    expect(bodyOf(received)).toBe('\x81\x02hi')
  })
})

describe('the table of an edge', () => {
  it('is polled with signed calls, and a flip is followed within 1.5 s without a hint', async () => {
    await publish('onprem')
    const flippedAt = performance.now()

    await eventually(async () => (await sent(get('/v1/users/1'))).site === 'onprem', { deadlineMs: 3_000 })

    expect(performance.now() - flippedAt).toBeLessThan(1_500)
    expect(bed.plane.polls.invalid).toBe(0)
  })

  it('is refreshed at once when a gateway’s answer shows a higher number, which the client never sees', async () => {
    await eventually(() => bed.status().then(({ held }) => held?.placements.number === published))
    await publish('cloud')
    const hinted = () => ok('fine', [`${headers.table}: ${tableHint(1, published)}`])
    answer = hinted
    const received = await bed.raw(get('/v1/users/1'))
    const hintedAt = performance.now()

    expect(received).not.toMatch(/x-tidegate/i)
    expect(bodyOf(received)).toBe('fine')
    await eventually(async () => (await sent(get('/v1/users/1'))).site === 'cloud', { deadlineMs: 3_000, everyMs: 50 })
    expect(performance.now() - hintedAt).toBeLessThan(900)
  })

  it.each([
    [
      'signature-wrong',
      async () => {
        const { structure: kept, placements } = await offer(bed.sealer, 90, 'onprem')
        return {
          structure: kept,
          placements: { ...placements, body: placements?.body.replace('"number":90', '"number":91') },
        }
      },
    ],
    ['older', () => offer(bed.sealer, 3, 'onprem')],
    [
      'epoch-falls',
      async () => ({
        placements: await bed.sealer.placements(
          placementSet([placement('users', { owner: 'onprem', epoch: 1 })], { number: 95 }),
        ),
      }),
    ],
    [
      'oversize',
      async () => {
        const { placements } = await offer(bed.sealer, 96, 'onprem')
        return { placements: { ...placements, body: `${placements?.body}${' '.repeat(5 * 1024 * 1024)}` } }
      },
    ],
    ['malformed', async () => ({ placements: await seal('placements', '{"number":97}', bed.sealer.signing) })],
  ])('that is bad (%s) is refused and told on status, and the old one serves', async (because, bad) => {
    bed.plane.say = (await bad()) as TableOffer

    await eventually(async () => (await bed.status()).refusals.some((refusal) => refusal.because === because), {
      what: because,
    })

    expect((await sent(get('/v1/users/1'))).site).toBe('cloud')
    expect((await bed.status()).held?.placements.number).toBe(published)
  })

  it('survives a truncated answer', async () => {
    bed.plane.say = JSON.stringify(await offer(bed.sealer, 98, 'onprem')).slice(0, 300)
    const asked = bed.plane.polls.valid
    await eventually(() => bed.plane.polls.valid > asked + 1)

    expect((await sent(get('/v1/users/1'))).site).toBe('cloud')
  })

  it('serves on with the control plane away, also after a restart, and its age grows', async () => {
    bed.plane.say = 'away'
    await bed.restart()

    expect((await sent(get('/v1/users/1'))).site).toBe('cloud')
    const status = await bed.status()
    expect(status).toMatchObject({
      name: 'edge-test',
      held: { placements: { number: published }, epochs: { users: published } },
    })
    expect(status.ageMs).toBeUndefined()
  })
})

describe('the edge’s own endpoints', () => {
  it('are ordinary traffic without a valid signature', async () => {
    const request = await sent(get(`${paths.edge}/status`))
    expect(request.site).toBe('onprem')

    const forged = await sent(get(`${paths.edge}/status`, `${headers.call}: v=1;k=k1;t=1;n=1;a=edge;d=x;m=y\r\n`))
    expect(forged.head).not.toContain(headers.call)
  })

  it('tell the held documents and make a round trip to each site', async () => {
    const documents = (await (await bed.call(`${paths.edge}/table`)).json()) as TableOffer
    expect(documents.placements?.keyId).toBe('t1')

    const probe = (await (await bed.call(`${paths.edge}/probe`)).json()) as { sites: unknown[] }
    expect(probe.sites).toMatchObject([
      { site: 'onprem', status: 200 },
      { site: 'cloud', status: 200 },
    ])
  })
})
