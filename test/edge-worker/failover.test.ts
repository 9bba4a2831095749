import { describe, expect, it } from 'vitest'
import { headers } from '#routes/messages.ts'
import { isFailure } from '../../edge-worker/failover.ts'
import { placement, policy, route } from '../support/tables.ts'
import { ask, isolate } from './passing-bed.ts'

const routes = [
  route('/v1/orders/**'),
  route('/v1/users/**', { service: 'users' }),
  route('/v1/sold', { policy: { ...policy, effect: 'write' } }),
]
const placements = [placement('orders', { failover: { to: 'cloud', safeOnly: true } }), placement('users')]

/** What the sites do: a status, a refused connection, or what a test makes. */
type Does = number | 'refused' | (() => Response)

async function edgeWith(does: { onprem: Does; cloud?: Does }, sites?: string[]) {
  const answer = (_: Request, site: string): Response => {
    const what = (site === 'onprem' ? does.onprem : does.cloud) ?? 200
    if (what === 'refused') throw new TypeError('fetch failed')
    return typeof what === 'number' ? new Response(`${site} ${what}`, { status: what }) : what()
  }
  return isolate(routes, placements, answer, sites === undefined ? {} : { sites })
}

const textOf = async (answer: Response | string) => (typeof answer === 'string' ? answer : answer.text())

describe('a safe request whose site gives no answer', () => {
  it.each<Does>(['refused', 502, 503, 504, 520, 527])('is asked once more elsewhere: %s', async (what) => {
    const edge = await edgeWith({ onprem: what })

    expect(await textOf(await edge.pass(ask('GET', '/v1/orders/1')))).toBe('cloud 200')

    const [first, second] = edge.origin.sent
    expect([first?.site, second?.site]).toEqual(['onprem', 'cloud'])
    expect(first?.request.headers.has(headers.attempt)).toBe(false)
    expect(second?.request.headers.get(headers.attempt)).toBe('1')
    expect(await edge.markOf(0)).toMatchObject({ ok: true, mark: { flags: [] } })
    expect(await edge.markOf(1)).toMatchObject({ ok: true, mark: { flags: ['failover'], unit: 'orders', epoch: 1 } })
    expect(edge.edge.counts).toMatchObject({ requests: 1, failovers: 1 })
  })

  it.each(['HEAD', 'OPTIONS'])('may be %s, too', async (method) => {
    const edge = await edgeWith({ onprem: 503 })

    expect(await edge.pass(ask(method, '/v1/orders/1'))).toMatchObject({ status: 200 })
  })

  it('goes around its own unit alone when its gateway says so five times, and around the site when nobody answers', async () => {
    const both = [
      placement('orders', { failover: { to: 'cloud', safeOnly: true } }),
      placement('users', { failover: { to: 'cloud', safeOnly: true } }),
    ]
    const answersBehind = async (what: Does) => {
      let does = what
      const edge = await isolate(routes, both, (_, site) => {
        if (site === 'onprem' && does === 'refused') throw new TypeError('fetch failed')
        return new Response(site, { status: site === 'onprem' && typeof does === 'number' ? does : 200 })
      })
      for (let one = 0; one < 5; one++) await edge.pass(ask('GET', '/v1/orders/1'))
      does = 200
      return [
        await textOf(await edge.pass(ask('GET', '/v1/orders/1'))),
        await textOf(await edge.pass(ask('GET', '/v1/users/1'))),
      ]
    }

    expect(await answersBehind(503)).toEqual(['cloud', 'onprem'])
    expect(await answersBehind('refused')).toEqual(['cloud', 'cloud'])
    expect(await answersBehind(522)).toEqual(['cloud', 'cloud'])
    expect(await answersBehind(200)).toEqual(['onprem', 'onprem'])
  })

  it.each([200, 304, 404, 500, 501, 505, 519, 528])('is answered as it is with %s', async (status) => {
    const edge = await edgeWith({ onprem: () => new Response(null, { status }) })

    expect(await edge.pass(ask('GET', '/v1/orders/1'))).toMatchObject({ status })
    expect(edge.origin.sent).toHaveLength(1)
  })

  it('is not asked elsewhere when its gateway refused on purpose, and the client does not see that word', async () => {
    const shed = () => new Response('shed', { status: 503, headers: { [headers.failover]: 'no' } })
    const edge = await edgeWith({ onprem: shed })
    const answer = (await edge.pass(ask('GET', '/v1/orders/1'))) as Response

    expect([answer.status, await answer.text(), answer.headers.has(headers.failover)]).toEqual([503, 'shed', false])
    expect(edge.origin.sent).toHaveLength(1)
  })

  it('is answered with the first outcome when the other site fails, too, and the other answer is let go', async () => {
    const second = new Response('cloud is away', { status: 502 })
    const edge = await edgeWith({ onprem: 503, cloud: () => second })

    expect(await textOf(await edge.pass(ask('GET', '/v1/orders/1')))).toBe('onprem 503')
    await Promise.all(edge.kept)
    expect(second.bodyUsed).toBe(true)
    expect(edge.origin.sent).toHaveLength(2)

    const both = await edgeWith({ onprem: 'refused', cloud: 'refused' })
    expect(await both.pass(ask('GET', '/v1/orders/1'))).toBe('origin-unreachable')
  })

  it('lets the first answer go when the second is taken, since its unread body would hold a connection', async () => {
    const first = new Response('onprem is away', { status: 503 })
    const edge = await edgeWith({ onprem: () => first })
    await edge.pass(ask('GET', '/v1/orders/1'))
    await Promise.all(edge.kept)

    expect(first.bodyUsed).toBe(true)
  })

  it('is not asked elsewhere when its placement names no other site, or one that this edge cannot reach', async () => {
    const edge = await edgeWith({ onprem: 503 })
    expect(await edge.pass(ask('GET', '/v1/users/1'))).toMatchObject({ status: 503 })

    const alone = await edgeWith({ onprem: 503 }, ['onprem', 'lab'])
    expect(await alone.pass(ask('GET', '/v1/orders/1'))).toMatchObject({ status: 503 })
    expect([...edge.origin.sent, ...alone.origin.sent].map(({ site }) => site)).toEqual(['onprem', 'onprem'])
  })

  it('is not asked elsewhere, nor held against its site, when its client has left', async () => {
    const leaving = new AbortController()
    const edge = await edgeWith({
      onprem: () => {
        leaving.abort()
        throw leaving.signal.reason
      },
    })
    for (let request = 0; request < 6; request++) {
      await edge.pass(new Request('http://api.example.com/v1/orders/1', { signal: leaving.signal }))
    }

    expect(edge.origin.sent.map(({ site }) => site)).toEqual(Array(6).fill('onprem'))
  })
})

it('an upload that fails says nothing about its site: its own chunks may be malformed', async () => {
  const edge = await edgeWith({ onprem: 'refused' })
  for (let upload = 0; upload < 9; upload++) await edge.pass(ask('POST', '/v1/orders/1', {}, 'body'))
  edge.origin.sent.length = 0

  await edge.pass(ask('GET', '/v1/orders/1'))

  expect(edge.origin.sent[0]?.site).toBe('onprem')
})

describe('what a failover never carries', () => {
  it.each<[string, Request]>([
    ['a POST', ask('POST', '/v1/orders/1', {}, 'body')],
    ['a POST with an idempotency key', ask('POST', '/v1/orders/1', { 'idempotency-key': 'k' }, 'body')],
    ['a DELETE', ask('DELETE', '/v1/orders/1')],
    ['a POST without a body', ask('POST', '/v1/orders/1')],
    ['a GET that writes, as its route says', ask('GET', '/v1/sold')],
    ['an upgrade', ask('GET', '/v1/orders/1', { upgrade: 'websocket', 'sec-websocket-key': 'k' })],
  ])('%s', async (_, request) => {
    const edge = await edgeWith({ onprem: 503 })

    expect(await edge.pass(request)).toMatchObject({ status: 503 })
    expect(edge.origin.sent).toHaveLength(1)
    expect(edge.edge.counts).toMatchObject({ failovers: 0, failoversSpared: 0 })
  })
})

describe('failovers of an isolate', () => {
  it('end with the budget, and what was spared is counted', async () => {
    const edge = await edgeWith({ onprem: 503, cloud: 503 })
    // Both sites stay in, so that each request is a try at both.
    const pass = async () => {
      const answer = await edge.pass(ask('GET', '/v1/orders/1'))
      for (const name of ['onprem', 'onprem orders']) edge.edge.outliers.add(name, false, edge.nowMs)
      return answer
    }
    for (let request = 0; request < 40; request++) await pass()

    expect(edge.edge.counts).toMatchObject({ requests: 40, failovers: 30, failoversSpared: 10 })
    expect(edge.origin.sent).toHaveLength(70)
  })

  it('go to the other site at once while the first is out, at no cost to the budget, and the first is probed', async () => {
    const does: { onprem: Does } = { onprem: 'refused' }
    const edge = await edgeWith(does)
    for (let request = 0; request < 5; request++) await edge.pass(ask('GET', '/v1/orders/1'))
    edge.origin.sent.length = 0

    for (let request = 0; request < 100; request++) {
      expect(await edge.pass(ask('GET', '/v1/orders/1'))).toMatchObject({ status: 200 })
    }
    expect(new Set(edge.origin.sent.map(({ site }) => site))).toEqual(new Set(['cloud']))
    expect(edge.origin.sent).toHaveLength(100)
    expect(edge.origin.sent[0]?.request.headers.has(headers.attempt)).toBe(false)
    expect(await edge.markOf(0)).toMatchObject({ mark: { flags: ['failover'] } })

    // What writes still goes to its owner, and the owner's word counts.
    edge.origin.sent.length = 0
    expect(await edge.pass(ask('POST', '/v1/orders/1', {}, 'x'))).toBe('origin-unreachable')

    edge.nowMs += 5_000
    does.onprem = 200
    for (let request = 0; request < 3; request++) await edge.pass(ask('GET', '/v1/orders/1'))
    expect(edge.origin.sent.map(({ site }) => site)).toEqual(['onprem', 'onprem', 'onprem', 'onprem'])
  })

  it('are no second chance for what went round an outage: the other site was the one to ask', async () => {
    const edge = await edgeWith({ onprem: 'refused', cloud: 503 })
    for (let failure = 0; failure < 5; failure++) edge.edge.outliers.add('onprem', true, edge.nowMs)

    expect(await textOf(await edge.pass(ask('GET', '/v1/orders/1')))).toBe('cloud 503')
    expect(edge.origin.sent).toHaveLength(1)
  })
})

it('an answer is a failure when nobody served, and not when a gateway says that it is on purpose', () => {
  const answer = (status: number, more = {}) => new Response(null, { status, headers: more })

  expect(isFailure('origin-timeout')).toBe(true)
  expect(isFailure(answer(503))).toBe(true)
  expect(isFailure(answer(503, { [headers.failover]: 'no' }))).toBe(false)
  expect(isFailure(answer(503, { [headers.failover]: 'yes' }))).toBe(true)
})
