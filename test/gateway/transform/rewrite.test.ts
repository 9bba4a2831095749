import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import type { RewritePolicy } from '#routes/policy.ts'
import type { HostFacts, RouteFacts } from '#routes/structure.ts'
import { silentLog } from '#server-kit/log.ts'
import type { Answer } from '../../../gateway/answer.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import { answerEdits } from '../../../gateway/transform/answer-edits.ts'
import { rewrite } from '../../../gateway/transform/rewrite.ts'
import { placementSet, policy, route, service, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const url = 'http://orders.dc1.internal:8080'
const phase = rewrite({ site: 'onprem', identityNames: new Set(['x-consumer']), log: silentLog })

async function matched(
  asked: { rewrite: RewritePolicy; pattern: string; target: string },
  { headers = [] as string[], unsafeTargets = 'reject' as HostFacts['unsafeTargets'] } = {},
): Promise<Exchange> {
  const made: RouteFacts = route(asked.pattern, { policy: { ...policy, rewrite: asked.rewrite } })
  const hosts = [{ name: 'api.example.com', aliases: [], unsafeTargets }]
  const services = [service('orders', { deployments: [{ site: 'onprem', url, more: ['http://10.0.0.7'] }] })]
  const table = await tableOf(structure([made], { hosts, services }), placementSet([]))
  const x = exchangeOf(headers, { target: asked.target })
  x.table = table
  // The policy as the test wrote it: what a document may hold is the reader's to say.
  x.decision = { ...decide(table, x), route: made }
  x.scheme = 'https'
  return x
}

async function serviceGets(rewritePolicy: RewritePolicy, pattern: string, target: string): Promise<string> {
  const x = await matched({ rewrite: rewritePolicy, pattern, target })
  void phase.before?.(x)
  return x.rewritten ?? x.target
}

describe('a rewritten path', () => {
  it.each([
    [{ stripPrefix: '/api' }, '/api/**', '/api/orders/1?x=%20', '/orders/1?x=%20'],
    [{ stripPrefix: '/api/' }, '/api/**', '/api', '/'],
    [{ stripPrefix: '/api' }, '/api/**', '/%61pi/a%7eb', '/a%7eb'],
    [{ addPrefix: '/v2' }, '/**', '/orders', '/v2/orders'],
    [{ stripPrefix: '/api', addPrefix: '/v2/' }, '/api/**', '/api/orders', '/v2/orders'],
    [{ path: '/o/{id}/items' }, '/v1/orders/{id}', '/v1/orders/%7E1?a', '/o/%7E1/items?a'],
    [{ path: '/store/{rest}' }, '/files/**', '/files/a/b%20c', '/store/a/b%20c'],
    [{ path: '/{b}/{a}' }, '/x/{a}/{b}', '/x/1/2', '/2/1'],
  ] as const)('%j on %s takes %s to %s', async (rewritePolicy, pattern, target, expected) => {
    expect(await serviceGets(rewritePolicy, pattern, target)).toBe(expected)
  })

  it.each([
    [{ path: '/store/{rest}' }, '/files/**', '/files/../admin'],
    [{ path: '/store/{rest}' }, '/files/**', '/files/%2e%2e/admin'],
    [{ stripPrefix: '/api' }, '/api/**', '/api//evil.example.com'],
    [{ path: '/{rest}' }, '/files/**', '/files//evil.example.com'],
  ])(
    'P2: %j refuses what could be read as another path, also under a host that only observes: %s %s',
    async (rewritePolicy, pattern, target) => {
      const x = await matched({ rewrite: rewritePolicy, pattern, target }, { unsafeTargets: 'observe' })

      expect(() => phase.before?.(x)).toThrow(expect.objectContaining({ code: 'target-unsafe' }))
    },
  )

  it('keeps the class that its route accepts by name, when the client had sent it', async () => {
    const x = await matched({ rewrite: { path: '/s/{rest}' }, pattern: '/files/**', target: '/files/a%2Fb' })
    const made = x.decision?.route as RouteFacts
    x.decision = {
      ...(x.decision as NonNullable<typeof x.decision>),
      route: { ...made, policy: { ...made.policy, accepts: ['encoded-slash'] } },
    }

    void phase.before?.(x)

    expect(x.rewritten).toBe('/s/a%2Fb')
  })

  it('never begins with two slashes, though its route accepts them elsewhere', async () => {
    const x = await matched({ rewrite: { path: '/{rest}' }, pattern: '/files/**', target: '/files//evil.example.com' })
    const decision = x.decision as NonNullable<typeof x.decision>
    const made = decision.route as RouteFacts
    x.decision = { ...decision, route: { ...made, policy: { ...made.policy, accepts: ['double-slash'] } } }

    expect(() => phase.before?.(x)).toThrow(expect.objectContaining({ code: 'target-unsafe' }))
  })

  it('is left alone, with its query, on routes without a rewrite of it', async () => {
    const x = await matched({ rewrite: { request: { remove: ['x-a'] } }, pattern: '/**', target: '/a?b' })
    void phase.before?.(x)

    expect(x.rewritten).toBeUndefined()
  })
})

describe('a rewritten query', () => {
  it.each([
    [{ remove: ['debug'] }, '/o/1?a=%20&debug=1&&b=+&d%65bug=2', '/o/1?a=%20&&b=+'],
    [{ set: { v: '2' } }, '/o/1', '/o/1?v=2'],
    [{ set: { v: 'a b&c' } }, '/o/1?v=1&w=2&v=3', '/o/1?w=2&v=a%20b%26c'],
    [{ remove: ['a'] }, '/o/1?a=1', '/o/1'],
    [{ set: { id: '{id}' } }, '/o/1&x=2', '/o/1&x=2?id=1%26x%3D2'],
    [{ set: { t: '{claim.plan}' } }, '/o/1?t=evil', '/o/1'],
  ] as const)('%j makes %s into %s', async (query, target, expected) => {
    expect(await serviceGets({ query }, '/o/{id}', target)).toBe(expected)
  })
})

describe('edited fields', () => {
  const edited = async (
    request: RewritePolicy['request'] & object,
    head: string[],
    claims?: Record<string, string>,
  ) => {
    const x = await matched({ rewrite: { request }, pattern: '/o/{id}', target: '/o/7' })
    if (claims !== undefined) x.caller = { consumer: 'anna', scopes: [], claims }
    void phase.before?.(x)
    return x.editHead?.(head) ?? head
  }

  it('take values of path, claims and request', async () => {
    const set = { 'X-Order': 'o-{id}', 'X-Plan': '{claim.plan}', 'X-Trace': '{request.id}' }

    expect(await edited({ set }, ['host', 'a'], { plan: 'Zürich' })).toEqual([
      ...['host', 'a', 'X-Order', 'o-7', 'X-Plan', 'Zürich'.replace('ü', '\u00c3\u00bc'), 'X-Trace', 'r0'],
    ])
  })

  it('lose the client’s own value even where ours is missing', async () => {
    const set = { 'X-Plan': '{claim.plan}' }

    expect(await edited({ set }, ['X_PLAN', 'evil', 'x-plan', 'evil', 'x-b', '1'])).toEqual(['x-b', '1'])
  })

  it('take no inherited member for a claim', async () => {
    const set = { 'x-a': '{claim.constructor}', 'x-b': '{claim.toString}' }

    expect(await edited({ set }, ['x-a', 'evil'], { plan: 'a' })).toEqual([])
  })

  it.each(['a\r\nx-admin: 1', 'a\nb', 'a\0b'])('never become two: a claim of %j is left out', async (plan) => {
    expect(await edited({ set: { 'x-plan': '{claim.plan}' } }, [], { plan })).toEqual([])
  })

  it.each([
    'x-tidegate-consumer',
    'X-Tidegate-Shadow',
    'x_tidegate_hop',
    'x-consumer',
    'host',
    'content-length',
    'Transfer-Encoding',
    'x-forwarded-for',
  ])('H6: are never what only the gateway says: %s', async (name) => {
    const head = [name, 'ours', 'a', 'b']

    expect(await edited({ set: { [name]: 'theirs' }, add: { [name]: 'theirs' }, remove: [name] }, head)).toEqual(head)
  })

  it('are added beside what is there, and removed', async () => {
    expect(await edited({ add: { a: '2' }, remove: ['b'] }, ['A', '1', 'B', '1'])).toEqual(['A', '1', 'a', '2'])
  })
})

describe('answers of a rewritten route', () => {
  const back = async (rewritePolicy: RewritePolicy, pattern: string, target: string, headers: string[]) => {
    const x = await matched({ rewrite: rewritePolicy, pattern, target })
    const answer: Answer = { status: 302, reason: '', headers, body: undefined }
    void phase.before?.(x)
    return phase.after?.(x, answer).headers
  }
  const strip = (headers: string[]) => back({ stripPrefix: '/api' }, '/api/**', '/api/orders', headers)

  it.each([
    ['/login?a=/b#c', '/api/login?a=/b#c'],
    ['http://orders.dc1.internal:8080/login', 'https://api.example.com/api/login'],
    ['http://10.0.0.7:80/login', 'https://api.example.com/api/login'],
    ['http://API.example.com/login', 'https://api.example.com/api/login'],
    ['//orders.dc1.internal:8080', 'https://api.example.com/api/'],
    ['https://other.example.com/login', 'https://other.example.com/login'],
    ['http://orders.dc1.internal:8080@evil.example.com/', 'http://orders.dc1.internal:8080@evil.example.com/'],
    ['login', 'login'],
    ['?page=2', '?page=2'],
  ])('H13: Location %s is %s to the client', async (location, expected) => {
    expect(await strip(['Location', location])).toEqual(['Location', expected])
    expect(await strip(['content-location', location])).toEqual(['content-location', expected])
  })

  it.each(['//evil.example.com', '/\\evil.example.com', '/\t/evil.example.com', '/\t\\evil.example.com'])(
    'H13: a path that browsers would take for another host becomes a whole URL: %j',
    async (path) => {
      const headers = await back({ addPrefix: '/v2' }, '/**', '/orders', ['location', `/v2${path}`])

      expect(headers).toEqual(['location', `https://api.example.com${path}`])
    },
  )

  it.each([
    ['/v2/login', '/login'],
    ['/v2', '/'],
    ['/v2x', '/v2x'],
    ['/elsewhere', '/elsewhere'],
  ])('H13: of an added prefix only what is below it is changed: %s', async (location, expected) => {
    expect(await back({ addPrefix: '/v2' }, '/**', '/orders', ['location', location])).toEqual(['location', expected])
  })

  it.each([
    [{ path: '/o/{id}' }, '/v1/orders/{id}', '/v1/orders/1', '/o/2', '/v1/orders/2'],
    [{ path: '/t/{t}/o/{id}' }, '/{t}/orders/{id}', '/%61cme/orders/1', '/t/%61cme/o/2', '/%61cme/orders/2'],
    [{ path: '/store/{rest}' }, '/files/**', '/files/a/b', '/store/c', '/files/c'],
    [{ path: '/index.php' }, '/shop', '/shop', '/index.php?step=2', '/shop?step=2'],
  ] as const)('H13: %j on %s takes the way back too', async (rewritePolicy, pattern, target, location, expected) => {
    expect(await back(rewritePolicy, pattern, target, ['location', location])).toEqual(['location', expected])
  })

  it.each([
    ['a=b; Path=/; Secure', 'a=b; Path=/api; Secure'],
    ['a=b;path=/cart;Domain=orders.dc1.internal', 'a=b; path=/api/cart; Domain=api.example.com'],
    ['a=b; Domain=.dc1.internal', 'a=b; Domain=api.example.com'],
    ['a=b; Domain=example.com', 'a=b; Domain=example.com'],
    ['a=b; Domain=other.test', 'a=b; Domain=other.test'],
    ['__Host-a=b; Path=/; Secure', '__Host-a=b; Path=/; Secure'],
    ['a="path=/x"; HttpOnly', 'a="path=/x"; HttpOnly'],
  ])('H13: Set-Cookie %s is %s to the client', async (cookie, expected) => {
    expect(await strip(['Set-Cookie', cookie, 'x', '/'])).toEqual(['Set-Cookie', expected, 'x', '/'])
  })

  it('H13: a Set-Cookie of nothing but blanks is read in one pass', async () => {
    const blanks = ' '.repeat(60_000)
    const begun = performance.now()

    await strip(['Set-Cookie', `a=b; path=x${blanks}x; domain${blanks}=${blanks}y${blanks}z`])

    expect(performance.now() - begun).toBeLessThan(500)
  })

  it('stay as they are on routes whose path is not changed', async () => {
    const headers = ['location', 'http://orders.dc1.internal:8080/login']

    expect(await back({ query: { remove: ['a'] } }, '/**', '/a?a', headers)).toBe(headers)
  })
})

describe('edits of an answer', () => {
  it('reach answers of service, cache and gateway, and never touch what is ours', async () => {
    const response = { set: { 'X-Order': '{id}', via: 'x' }, remove: ['Server', 'x-request-id'] }
    const x = await matched({ rewrite: { response }, pattern: '/o/{id}', target: '/o/7' })
    const edits = answerEdits(silentLog)
    const headers = ['server', 'legacy', 'x-request-id', 'r0', 'x-order', '9']

    void edits.before?.(x)

    expect(edits.after?.(x, { status: 200, reason: '', headers, body: undefined }).headers).toEqual([
      'x-request-id',
      'r0',
      'X-Order',
      '7',
    ])
  })
})
