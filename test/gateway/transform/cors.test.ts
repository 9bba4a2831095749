import { describe, expect, it } from 'vitest'
import { decide } from '#routes/decide.ts'
import type { CorsPolicy } from '#routes/policy.ts'
import type { Table } from '#routes/table.ts'
import type { Answer } from '../../../gateway/answer.ts'
import { problems } from '../../../gateway/errors.ts'
import type { Exchange } from '../../../gateway/exchange.ts'
import { problemAnswer } from '../../../gateway/pipeline.ts'
import { cors } from '../../../gateway/transform/cors.ts'
import { placementSet, policy, route, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf } from '../exchange.ts'

const shop = 'https://shop.example.com'
const base: CorsPolicy = { origins: [shop], exposes: ['X-Total'], credentials: true }

async function answered(corsPolicy: CorsPolicy | undefined, headers: string[], given: Answer): Promise<string[]> {
  const made = route('/**', { policy: corsPolicy === undefined ? policy : { ...policy, cors: corsPolicy } })
  const table: Table = await tableOf(structure([route('/**')]), placementSet([]))
  const x: Exchange = exchangeOf(headers)
  x.decision = { ...decide(table, x), route: made }
  return cors.after?.(x, given).headers ?? []
}

const ok = (headers: string[] = []): Answer => ({ status: 200, reason: '', headers, body: undefined })

describe('an answer on a route with a CORS policy', () => {
  it('may be read by the origin that the policy names', async () => {
    expect(await answered(base, ['Origin', shop], ok())).toEqual([
      ...['vary', 'origin', 'access-control-allow-origin', shop],
      ...['access-control-allow-credentials', 'true', 'access-control-expose-headers', 'X-Total'],
    ])
  })

  it('says so also when it is a refusal', async () => {
    const refusal = problemAnswer(problems['rate-limited']({ limit: 'address' }), exchangeOf())

    expect(await answered(base, ['origin', shop], refusal)).toContain('access-control-allow-origin')
  })

  it.each([[['origin', 'https://evil.example.com']], [['origin', 'null']], [[] as string[]]])(
    'varies by origin and allows nothing for %j',
    async (headers) => {
      expect(await answered(base, headers, ok())).toEqual(['vary', 'origin'])
      expect(await answered({ origins: ['*'] }, ['origin', 'null'], ok())).toEqual(['vary', 'origin'])
    },
  )

  it('never gives the credentials of any page to all of them', async () => {
    expect(await answered({ origins: ['*'], credentials: true }, ['origin', 'https://a.test'], ok())).toEqual([
      ...['vary', 'origin', 'access-control-allow-origin', '*'],
    ])
  })

  it('has one owner of its permission: what the service says is replaced, its Vary kept', async () => {
    const headers = [
      'Access-Control-Allow-Origin',
      '*',
      'Vary',
      'Accept, Origin',
      'access-control-allow-credentials',
      'true',
    ]

    expect(await answered({ origins: [shop] }, ['origin', 'https://evil.test'], ok(headers))).toEqual([
      ...['Vary', 'Accept, Origin'],
    ])
  })

  it('is the service’s own on routes without a policy', async () => {
    const headers = ['Access-Control-Allow-Origin', '*']

    expect(await answered(undefined, ['origin', shop], ok(headers))).toBe(headers)
  })
})
