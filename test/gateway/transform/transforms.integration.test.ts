import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readCatalog } from '#routes/catalog.ts'
import type { RoutePolicy } from '#routes/policy.ts'
import { eventually } from '../../support/eventually.ts'
import {
  type Answer,
  ok,
  type RecordedRequest,
  type RecordingUpstream,
  startRecordingUpstream,
} from '../../support/recording-upstream.ts'
import { placement, placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream
let shadow: RecordingUpstream
let gateway: RunningGateway
let respond: (request: RecordedRequest) => Answer | Promise<Answer>
let respondShadow: (request: RecordedRequest) => Answer | Promise<Answer>

const shop = 'https://shop.example.com'
const json = 'content-type: application/json'
const long = JSON.stringify({ text: 'a'.repeat(4000) })
const compress = { codings: ['br', 'gzip'], types: ['application/json'], minBytes: 1024 } as const

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream((request) => respond(request))
  shadow = await startRecordingUpstream((request) => respondShadow(request))
  const deployments = [
    { site: 'onprem', url: upstream.url },
    { site: 'cloud', url: `${shadow.url}/base` },
  ]
  const at = (pattern: string, more: Partial<RoutePolicy>, unit = 'orders') =>
    route(pattern, { unit, service: unit, policy: { ...policy, ...more } })
  const routes = [
    at('/strip/**', { rewrite: { stripPrefix: '/strip', request: { set: { 'X-Order': '{rest}' } } } }),
    at('/cors/**', { cors: { origins: [shop] }, auth: { scopes: [] } }),
    at('/coded/**', { compress }),
    at('/inside/**', { addresses: { allow: ['192.0.2.0/24'] }, cors: { origins: [shop] } }),
    at('/moved/{id}', {
      answer: { kind: 'redirect', status: 308, to: 'https://new.example.com/{id}', keepQuery: true },
    }),
    at('/checked', { validate: { body: { type: 'object', required: ['sku'] } } }),
    at('/copied/**', {}, 'copied'),
  ]
  const services = [service('orders', { deployments }), service('copied', { deployments })]
  const copies = { to: 'cloud', sample: 10_000, again: 0, maxInFlight: 2 }
  await bed.writeTable(
    'table',
    structure(routes, { services }),
    placementSet([placement('copied', { shadow: copies })]),
  )
  await writeFile(
    bed.folder.file('tokens.json'),
    JSON.stringify([{ sha256: hash('sha256', 'secret', 'hex'), consumer: 'anna', scopes: [] }]),
  )
  gateway = await bed.start('onprem', { table: { file: 'table' }, tokens: { driver: 'memory', file: 'tokens.json' } })
}, 30_000)

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await Promise.all([upstream.close(), shadow.close()])
})

beforeEach(() => {
  respond = () => ok('{}', [json])
  respondShadow = () => ok('{}', [json])
})

const ask = (path: string, init: RequestInit = {}) => fetch(gateway.public + path, { redirect: 'manual', ...init })

async function metric(line: RegExp): Promise<number> {
  const text = await (await gateway.ask('/metrics')).text()
  return Number(line.exec(text)?.[1] ?? 0)
}

describe('a rewritten route', () => {
  it('sends the service its own path, and the client its own addresses', async () => {
    respond = () => ({
      bytes: `HTTP/1.1 302 Found\r\nlocation: ${upstream.url}/login?a=1\r\nset-cookie: s=1; Path=/\r\ncontent-length: 0\r\n\r\n`,
    })
    const count = upstream.requests.length

    const answer = await ask('/strip/v1/x%2Dy?b=%20')

    const { head } = await upstream.received(count + 1)
    expect(head).toMatch(/^GET \/v1\/x%2Dy\?b=%20 HTTP\/1\.1\r\n/)
    expect(head).toContain('\r\nX-Order: v1/x%2Dy\r\n')
    expect(answer.headers.get('location')).toBe(`${gateway.public}/strip/login?a=1`)
    expect(answer.headers.get('set-cookie')).toBe('s=1; Path=/strip')
  })
})

describe('CORS', () => {
  it('answers a preflight without credentials, and lets a page read its 401', async () => {
    const preflight = await ask('/cors/x', {
      method: 'OPTIONS',
      headers: { origin: shop, 'access-control-request-method': 'DELETE' },
    })
    const refused = await ask('/cors/x', { headers: { origin: shop } })

    expect([preflight.status, preflight.headers.get('access-control-allow-methods')]).toEqual([204, 'DELETE'])
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([401, shop])
  })

  it('is on the refusal of an address too', async () => {
    const refused = await ask('/inside/x', { headers: { origin: shop } })

    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([403, 'address-denied'])
    expect(refused.headers.get('access-control-allow-origin')).toBe(shop)
  })
})

describe('compression', () => {
  const raw = async (head: string) => {
    const client = await rawClient(gateway.port)
    client.write(`GET /coded/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${head}\r\n`)
    return client.closed()
  }
  const bodyOf = (answer: string) => {
    const at = answer.indexOf('\r\n\r\n') + 4
    let rest = answer.slice(at)
    const parts: string[] = []
    for (;;) {
      const size = Number.parseInt(rest, 16)
      if (!(size > 0)) return Buffer.from(parts.join(''), 'latin1')
      const from = rest.indexOf('\r\n') + 2
      parts.push(rest.slice(from, from + size))
      rest = rest.slice(from + size + 2)
    }
  }

  it.each([
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
  ] as const)('in %s gives the same bytes, a weak tag, and no length', async (coding, decompress) => {
    respond = () => ok(long, [json, 'etag: "v1"', 'accept-ranges: bytes'])

    const answer = await raw(`Accept-Encoding: ${coding}\r\n`)

    expect(answer).toContain(`\r\ncontent-encoding: ${coding}\r\n`)
    expect(answer).toContain('\r\netag: W/"v1"\r\n')
    expect(answer).toContain('\r\nvary: accept-encoding\r\n')
    expect(answer).not.toMatch(/\r\n(?:content-length|accept-ranges):/i)
    expect(String(decompress(bodyOf(answer)))).toBe(long)
  })

  it('takes an answer of any size, as fast as its client does', async () => {
    const line = `${JSON.stringify({ text: hash('sha256', 'x', 'hex') })}\n`
    const large = line.repeat(100_000)
    respond = () => ok(large, [json])

    const answer = await ask('/coded/x', { headers: { 'accept-encoding': 'gzip' } })

    expect(answer.headers.get('content-encoding')).toBe('gzip')
    expect((await answer.text()) === large).toBe(true)
  })

  it('C1: ends the request at the service when its client leaves in the midst of it', async () => {
    const pieces = async function* () {
      yield `HTTP/1.1 200 OK\r\n${json}\r\ntransfer-encoding: chunked\r\n\r\n`
      for (;;) {
        yield '5\r\nabcd\n\r\n'
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    }
    respond = () => ({ bytes: pieces() })
    const count = upstream.requests.length
    const client = await rawClient(gateway.port)
    client.write('GET /coded/x HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n')
    await client.until(/content-encoding: gzip/)

    client.socket.destroy()

    const request = await upstream.received(count + 1)
    await eventually(() => request.aborted)
  })

  it('leaves the answer alone for who does not ask, yet says that it varies', async () => {
    respond = () => ok(long, [json, 'etag: "v1"'])

    const answer = await raw('')

    expect(answer).toContain('\r\netag: "v1"\r\n')
    expect(answer).toContain('\r\nvary: accept-encoding\r\n')
    expect(answer).toContain(`\r\ncontent-length: ${long.length}\r\n`)
    expect(answer.endsWith(long)).toBe(true)
  })

  it('gives a 304 the tag by which its client finds its copy', async () => {
    respond = () => ({ bytes: 'HTTP/1.1 304 Not Modified\r\netag: "v1"\r\n\r\n' })
    const count = upstream.requests.length

    const answer = await raw('Accept-Encoding: gzip\r\nIf-None-Match: W/"v1"\r\n')

    expect((await upstream.received(count + 1)).head).toContain('If-None-Match: W/"v1"')
    expect(answer).toContain('\r\netag: W/"v1"\r\n')
  })

  it('F13: breaks off where the service does', async () => {
    respond = () => ({
      bytes: `HTTP/1.1 200 OK\r\n${json}\r\ncontent-length: 100000\r\n\r\n${long}`,
      after: 'reset',
    })

    const answer = await raw('Accept-Encoding: gzip\r\n')

    expect(answer).not.toMatch(/\r\n0\r\n\r\n$/)
  })
})

describe('an answer of the gateway', () => {
  it('needs no service', async () => {
    const answer = await ask('/moved/7?a=1')

    expect([answer.status, answer.headers.get('location')]).toEqual([308, 'https://new.example.com/7?a=1'])
  })
})

describe('validation', () => {
  it('tells a client where it was wrong, and the service gets only what is right', async () => {
    const count = upstream.requests.length
    const post = (body: string) =>
      ask('/checked', { method: 'POST', headers: { 'content-type': 'application/json' }, body })

    const wrong = await post('{}')
    const right = await post('{"sku":"a"}')

    expect([wrong.status, await wrong.json()]).toEqual([
      400,
      expect.objectContaining({ code: 'body-invalid', pointer: '/body/sku' }),
    ])
    expect(right.status).toBe(200)
    expect(String((await upstream.received(count + 1)).body)).toBe('{"sku":"a"}')
    expect(upstream.requests.length).toBe(count + 1)
  })

  it('H9: refuses what it need not read before anything is uploaded', async () => {
    const client = await rawClient(gateway.port)
    client.write(
      'POST /checked HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n',
    )

    expect(await client.until(/body-invalid/)).toMatch(/^HTTP\/1\.1 400 /)
    client.socket.destroy()
  })
})

describe('a copy to another site', () => {
  const copies = (outcome: string) =>
    metric(new RegExp(`tidegate_shadow_copies_total\\{unit="copied",outcome="${outcome}"\\} (\\d+)`))

  it('is the same request, marked, and never seen by the client', async () => {
    respondShadow = () => ok('{"other":1}', [json])
    const count = shadow.requests.length
    const different = await copies('different')

    const answer = await ask('/copied/x?a=1', { headers: { authorization: 'Bearer secret' } })

    expect(await answer.text()).toBe('{}')
    const { head } = await shadow.received(count + 1)
    expect(head).toMatch(/^GET \/base\/copied\/x\?a=1 HTTP\/1\.1\r\n/)
    expect(head).toContain('\r\nx-tidegate-shadow: 1\r\n')
    expect(head).toContain('\r\nauthorization: Bearer secret\r\n')
    await eventually(async () => (await copies('different')) === different + 1)
  })

  it('is counted as the same when it is, and as failed when nobody answers it', async () => {
    const [same, failed] = [await copies('same'), await copies('failed')]

    await (await ask('/copied/x')).text()
    await eventually(async () => (await copies('same')) === same + 1)
    respondShadow = () => ({ bytes: '', after: 'reset' })
    await (await ask('/copied/x')).text()

    await eventually(async () => (await copies('failed')) === failed + 1)
  })

  it('is dropped, and delays nobody, while as many as may be are under way', async () => {
    const released = Promise.withResolvers<void>()
    respondShadow = async () => {
      await released.promise
      return ok('{}')
    }
    const count = shadow.requests.length
    const dropped = await copies('dropped')

    for (let at = 0; at < 5; at++) expect(await (await ask('/copied/x')).text()).toBe('{}')

    await shadow.received(count + 2)
    expect(await copies('dropped')).toBe(dropped + 3)
    expect(shadow.requests.length).toBe(count + 2)
    released.resolve()
  })

  it('is made of no write', async () => {
    const [count, served] = [shadow.requests.length, upstream.requests.length]

    await (await ask('/copied/x', { method: 'POST', body: 'a' })).text()

    await upstream.received(served + 1)
    expect(shadow.requests.length).toBe(count)
  })
})

describe('the page about transforms', () => {
  const page = readFileSync(new URL('../../../docs/design/transforms.md', import.meta.url), 'utf8')
  const blocks = Array.from(page.matchAll(/^```yaml\n([\s\S]*?)^```/gm), ([, block = '']) => block)
  const lines = Array.from(page.matchAll(/`(addresses|redirect|respond|maintenance): (\{.*?\})`/g), ([, key, value]) =>
    key === 'addresses' ? `addresses: ${value}\n` : `answer: { ${key}: ${value} }\n`,
  )

  it('has examples', () => expect([blocks.length, lines.length]).toEqual([4, 4]))

  it.each([...blocks, ...lines])('shows what a catalog takes: %s', (example) => {
    const indented = example.replace(/^/gm, '    ').trimEnd()
    const route = `  - path: /api/{id}\n    methods: [GET, POST]\n    auth: { scopes: [] }\n    maxBody: 256KiB\n${indented}\n`
    const files = [
      {
        file: 'sites.yaml',
        text: 'sites: [{ name: onprem, origin: "http://127.0.0.1:1" }]\nhosts: [{ name: api.example.com }]\n',
      },
      { file: 'teams.yaml', text: 'teams: [{ name: team-a }]\n' },
      {
        file: 'services/orders.yaml',
        text: `service: orders\nowner: team-a\nrepository: https://git.example.com/o\ntier: 1\nstate: shared\ndeployments:\n  onprem: { url: "http://127.0.0.1:2" }\nroutes:\n${route}`,
      },
    ]

    expect(readCatalog(files)).toMatchObject({ ok: true })
  })
})
