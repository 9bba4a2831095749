import { describe, expect, it } from 'vitest'
import type { CorsPolicy } from '#routes/policy.ts'
import type { Answer } from '../../../gateway/answer.ts'
import { preflight } from '../../../gateway/transform/preflight.ts'
import { placementSet, policy, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const shop = 'https://shop.example.com'

async function asked(
  cors: CorsPolicy | undefined,
  headers: string[],
  { target = '/v1/orders', method = 'OPTIONS' } = {},
): Promise<Answer | undefined> {
  const made = { methods: ['POST', 'PUT'], policy: cors === undefined ? policy : { ...policy, cors } }
  const sealed = await tableOf(structure([route('/v1/**', { methods: made.methods })]), placementSet([]))
  const [routes] = [sealed.structure.value.routes.map((one) => ({ ...one, policy: made.policy }))]
  const table = { ...sealed, structure: { ...sealed.structure, value: { ...sealed.structure.value, routes } } }
  const x = exchangeOf(headers, { method, target })
  const answer = await preflight(() => table).before?.(x)
  expect(x.decision, 'nobody’s unit served it').toBeUndefined()
  return answer
}

const question = ['Origin', shop, 'Access-Control-Request-Method', 'PUT', 'Access-Control-Request-Headers', 'x-a']
const vary = ['vary', 'origin', 'vary', 'access-control-request-method', 'vary', 'access-control-request-headers']

describe('a preflight', () => {
  it('is answered by the route of the method that it asks about, though that takes no OPTIONS', async () => {
    const answer = await asked(
      { origins: [shop], headers: ['X-A', 'X-B'], credentials: true, maxAgeMs: 600_500 },
      question,
    )

    expect(answer?.status).toBe(204)
    const said = Object.fromEntries(chunks(answer?.headers ?? []))
    expect(said).toMatchObject({
      'access-control-allow-origin': shop,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'POST, PUT',
      'access-control-allow-headers': 'X-A, X-B',
      'access-control-max-age': '600',
    })
  })

  it('learns nothing for an origin that may not ask', async () => {
    expect((await asked({ origins: ['https://other.test'], maxAgeMs: 1 }, question))?.headers).toEqual([
      ...['vary', 'origin', 'vary', 'access-control-request-method', 'vary', 'access-control-request-headers'],
    ])
  })

  it('names the methods and no fields where the policy is silent of them', async () => {
    const answer = await asked({ origins: [shop], methods: ['PUT'] }, question)

    expect(answer?.headers).toEqual([
      ...['vary', 'origin', 'access-control-allow-origin', shop, ...vary.slice(2)],
      ...['access-control-allow-methods', 'PUT'],
    ])
  })

  it.each([
    ['its route has no policy', undefined, question, {}],
    ['no route takes the method', { origins: [shop] }, ['origin', shop, 'access-control-request-method', 'GET'], {}],
    ['it is a plain OPTIONS', { origins: [shop] }, ['origin', shop], {}],
    ['it is no OPTIONS', { origins: [shop] }, question, { method: 'PUT' }],
    ['its target is unsafe', { origins: [shop] }, question, { target: '/v1//orders' }],
  ] as const)('goes on to the other phases when %s', async (_, cors, headers, line) => {
    expect(await asked(cors, [...headers], line)).toBeUndefined()
  })
})

function chunks(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] as string] as [string, string]] : []))
}
