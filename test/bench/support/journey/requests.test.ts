import { describe, expect, it } from 'vitest'
import {
  judge,
  listOrders,
  mixed,
  order,
  placeOrder,
  type Request,
} from '../../../../bench/support/journey/requests.ts'
import { makeUsers } from '../../../../bench/support/journey/users.ts'
import { Random } from '../../../properties/generators/random.ts'

const users = makeUsers(3, new Random(1))
const [anna] = users as [(typeof users)[0]]

const answered = (shot: Request, status: number, body: object | string, headers: Record<string, string> = {}) =>
  judge({
    shot,
    status,
    headers,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    sentAt: 1,
    answeredAt: 2,
  })

describe('an answer', () => {
  it('is right when it has the status, and is this user’s own', () => {
    const seen = answered(listOrders(anna), 200, { site: 'cloud', consumer: anna.name })

    expect(seen.fault).toBeUndefined()
    expect(seen.site).toBe('cloud')
  })

  it.each([
    ['of another status', listOrders(anna), 503, { consumer: anna.name }],
    ['of another user, as a cache without the user in its key gives it', order(anna, '1'), 200, { consumer: 'user-9' }],
    ['to another write', placeOrder(anna, 'w1'), 201, { consumer: anna.name, writeId: 'w2' }],
    ['that is a page', listOrders(anna), 200, '<html>'],
  ])('%s is a failure', (_, shot, status, body) => {
    expect(answered(shot, status, body).fault).toBeDefined()
  })

  it('from a cache names nobody who served it', () => {
    const headers = { 'cache-status': 'tidegate; hit; ttl=30' }
    const seen = answered(order(anna, '1'), 200, { site: 'onprem', consumer: anna.name }, headers)

    expect(seen).toMatchObject({ hit: true })
    expect(seen.site).toBeUndefined()
  })
})

describe('the mix of requests', () => {
  it('is the same for the same seed, and no two writes have one id', () => {
    const run = () => {
      const next = mixed(users, new Random(7), 'run')
      return Array.from({ length: 500 }, next)
    }
    const writes = run().flatMap(({ writeId }) => writeId ?? [])

    expect(run()).toEqual(run())
    expect(writes.length).toBeGreaterThan(50)
    expect(new Set(writes).size).toBe(writes.length)
  })
})
