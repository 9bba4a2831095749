import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readCatalog } from '#routes/catalog.ts'
import { compile } from '#routes/compile.ts'
import { printFault } from '#routes/document.ts'
import type { RoutePolicy } from '#routes/policy.ts'
import { decodeStructure, encodeStructure } from '#routes/structure-codec.ts'

const corpus = readFileSync(new URL('../corpora/catalog/every-key-of-a-route.txt', import.meta.url), 'utf8')
const text = corpus.slice(corpus.indexOf('\n') + 1, corpus.indexOf('\n-----'))

const plain: RoutePolicy = {
  auth: { scopes: [] },
  timeout: { connectMs: 1_000, firstByteMs: 15_000, totalMs: 30_000 },
  maxBodyBytes: 100 * 1024 ** 2,
}

describe('each word that a service writes arrives at whoever serves it', () => {
  const structure = received()
  const policyOf = (pattern: string) => structure.routes.find((route) => route.pattern === pattern)?.policy

  it('of its deployments, and of how it reads paths', () => {
    const [service] = structure.services

    expect(service?.pathReadings).toEqual(['ignore-case', 'servlet'])
    expect(service?.deployments).toEqual([
      {
        site: 'onprem',
        url: 'http://orders-1:8080',
        more: ['http://orders-2:8080'],
        balance: 'hash',
        health: { path: '/health', everyMs: 5_000 },
      },
      {
        site: 'cloud',
        url: 'https://orders.svc.cluster.local',
        resolve: 'each',
        host: 'orders.internal',
        protocol: 'h2',
        tls: { sni: 'orders.internal', ca: 'mesh', certificate: 'gateway' },
        health: { path: '/health?deep=1', everyMs: 10_000 },
        maxInFlight: 500,
      },
    ])
  })

  it('of conditions, sorted by where they look', () => {
    expect(structure.routes.find(({ pattern }) => pattern === '/v1/orders/{id}')?.when).toEqual([
      { from: 'cookie:beta', test: 'prefix', value: 'on' },
      { from: 'country', test: 'oneOf', value: ['AT', 'DE'] },
      { from: 'header:x-app-version', test: 'version', value: '>=4.2 <5' },
      { from: 'header:x-brand', test: 'equals', value: 'acme' },
      { from: 'header:x-trial', test: 'exists', value: false },
      { from: 'query:view', test: 'oneOf', value: ['brief', 'full'] },
    ])
  })

  it('of all policies together', () => {
    expect(policyOf('/v1/orders/{id}')).toEqual({
      accepts: ['encoded-slash'],
      auth: { scopes: ['orders:read'], any: ['jwt', 'token'] },
      timeout: { connectMs: 500, firstByteMs: 5_000, totalMs: 20_000, idleMs: 5_000 },
      maxBodyBytes: 100 * 1024 ** 2,
      cache: {
        profile: 'api',
        ttlMs: 30_000,
        override: true,
        staleWhileRevalidateMs: 60_000,
        staleIfErrorMs: 3_600_000,
        per: 'token',
        key: { query: { except: ['utm_source'] }, sort: true, headers: ['accept-language'], cookies: ['theme'] },
        tags: ['order:{id}', 'page:{query.page}', 'of:{consumer}'],
        negative: { statuses: { 404: 5_000, '5xx': 1_000 }, connectMs: 1_000 },
        maxBodyBytes: 65_536,
        targeted: ['orders-cache-control', 'cdn-cache-control'],
        dropSetCookie: true,
        ignoreCookies: true,
        forwardTags: true,
        coalesce: 'site',
        prefixDepth: 6,
        memory: 'off',
      },
      retry: { on: ['unsent', 'reset', 503] },
      limits: {
        perAddress: { count: 100, windowMs: 60_000, burst: 20 },
        perConsumer: { count: 1_000, windowMs: 60_000 },
        perRoute: { count: 2_000, windowMs: 1_000 },
        quota: { count: 10_000, per: 'day' },
        maxInFlight: 200,
        whenAway: 'closed',
      },
      addresses: { allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.1.0.0/16'] },
      cors: {
        origins: ['https://*.example.org', 'https://app.example.com'],
        exposes: ['etag'],
        credentials: true,
        maxAgeMs: 600_000,
      },
      compress: {
        codings: ['br', 'gzip'],
        types: [
          'application/javascript',
          'application/json',
          'application/problem+json',
          'application/xml',
          'image/svg+xml',
          'text/*',
        ],
        minBytes: 1_024,
      },
      rewrite: {
        request: { set: { 'X-Order': '{id}', 'X-Brand': '{claim.brand}' }, remove: ['x-debug'] },
        response: { add: { 'Server-Timing': 'gw;desc={request.id}' } },
        stripPrefix: '/v1',
        addPrefix: '/internal',
        query: { set: { source: 'gateway' }, remove: ['debug'] },
      },
      validate: {
        query: { view: { schema: { type: 'string', enum: ['full', 'brief'] }, required: true } },
        path: { id: { schema: { type: 'string', pattern: '^[0-9]+$' } } },
        mode: 'observe',
      },
    })
  })

  it('of a write that is known again by its key, with the schema of its body', () => {
    expect(policyOf('/v1/orders')).toEqual({
      ...plain,
      maxBodyBytes: 64 * 1024,
      retry: { idempotent: true, keyHeader: 'idempotency-key' },
      validate: {
        body: {
          type: 'object',
          required: ['items'],
          properties: { items: { type: 'array', items: { $ref: '#/$defs/item' } } },
          $defs: { item: { type: 'object' } },
        },
        bodyRequired: true,
      },
    })
  })

  it('of a stream', () => {
    expect(policyOf('/v1/orders/{id}/events')).toEqual({
      ...plain,
      timeout: { ...plain.timeout, idleMs: 300_000 },
      effect: 'write',
      stream: true,
      upgrade: ['websocket'],
      earlyHints: true,
      bodyWithoutMeaning: 'refuse',
    })
  })

  it.each<[string, RoutePolicy['answer']]>([
    ['/old/**', { kind: 'redirect', status: 308, to: '/v1/{rest}', keepQuery: true }],
    [
      '/robots.txt',
      {
        kind: 'respond',
        status: 200,
        headers: { 'X-Robots-Tag': 'none' },
        body: 'User-agent: *',
        contentType: 'text/plain',
      },
    ],
    ['/v1/returns/**', { kind: 'maintenance', retryAfterMs: 3_600_000, message: 'Back at noon.' }],
  ])('of the answer of %s', (pattern, answer) => {
    expect(policyOf(pattern)).toEqual({ ...plain, auth: 'public', answer })
  })
})

describe('time-outs that are not written', () => {
  it.each([
    ['{ total: 500ms }', { connectMs: 500, firstByteMs: 500, totalMs: 500 }],
    ['{ firstByte: 200ms }', { connectMs: 200, firstByteMs: 200, totalMs: 30_000 }],
    ['{ firstByte: 60s, total: 2m }', { connectMs: 1_000, firstByteMs: 60_000, totalMs: 120_000 }],
  ])('of %s stay inside those that are', (timeout, expected) => {
    const route = `  - { path: /a, timeout: ${timeout} }`
    const structure = received(
      `service: a\nowner: team-a\ndeployments: { onprem: { url: "http://a" } }\nroutes:\n${route}`,
    )

    expect(structure.routes[0]?.policy.timeout).toEqual(expected)
  })
})

it.each([
  ['', 'write'],
  ['    effect: read\n', 'read'],
])(
  'a WebSocket, through which anything may be written, is of the owner unless the route says that it reads: "%s"',
  (more, effect) => {
    const route = `  - path: /v1/live\n    upgrade: [websocket]\n${more}`
    const structure = received(
      `service: a\nowner: team-a\ndeployments: { onprem: { url: "http://a" } }\nroutes:\n${route}`,
    )

    expect(structure.routes[0]?.policy.effect).toBe(effect)
  },
)

/** What a gateway reads of a catalog with this service. */
function received(service = text) {
  const read = readCatalog([
    { file: 'sites.yaml', text: 'sites: [{ name: onprem, origin: "http://a" }, { name: cloud, origin: "http://b" }]' },
    { file: 'teams.yaml', text: 'teams: [{ name: team-a }]' },
    { file: 'services/orders.yaml', text: service },
  ])
  if (!read.ok) throw new Error(read.faults.map(printFault).join('\n'))
  const compiled = compile(read.catalog, { number: 1 })
  if (!compiled.ok) throw new Error(compiled.faults.map(printFault).join('\n'))
  const decoded = decodeStructure(encodeStructure(compiled.structure))
  if (decoded === undefined) throw new Error('receivers refuse what the catalog compiles to')
  return decoded
}
