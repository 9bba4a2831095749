import { describe, expect, it } from 'vitest'
import { listOrders, placeOrder, type Seen } from '../../../../bench/support/journey/requests.ts'
import { lastElsewhere, shareAt, turnedBack } from '../../../../bench/support/journey/sides.ts'
import { makeUsers } from '../../../../bench/support/journey/users.ts'
import { Random } from '../../../properties/generators/random.ts'

const [anna, ben] = makeUsers(2, new Random(1)) as [ReturnType<typeof makeUsers>[0], ReturnType<typeof makeUsers>[0]]

const read = (user: typeof anna, site: string | undefined, sentAt: number, answeredAt = sentAt + 1): Seen => ({
  request: listOrders(user),
  status: 200,
  requestId: '',
  hit: site === undefined,
  again: false,
  sentAt,
  answeredAt,
  ...(site === undefined ? {} : { site }),
})

describe('the sides of users', () => {
  it('turn back when somebody was in the cloud and is served by onprem later', () => {
    const seen = [read(anna, 'onprem', 0), read(anna, 'cloud', 10), read(anna, 'onprem', 20), read(ben, 'cloud', 5)]

    expect(turnedBack(seen, 'cloud')).toEqual([`orders GET ${anna.device}`])
  })

  it('do not turn back by requests that were under way at once: neither was the earlier one', () => {
    expect(turnedBack([read(anna, 'cloud', 10, 40), read(anna, 'onprem', 20, 30)], 'cloud')).toEqual([])
  })

  it('are their own for reads and writes, which stay behind', () => {
    const write: Seen = { ...read(anna, 'onprem', 20), request: placeOrder(anna, 'w1') }

    expect(turnedBack([read(anna, 'cloud', 10), write], 'cloud')).toEqual([])
  })

  it('are not told by an answer from a cache, nor by a failed one', () => {
    const failed: Seen = { ...read(anna, 'onprem', 20), fault: '503 instead of 200' }

    expect(turnedBack([read(anna, 'cloud', 10), read(anna, undefined, 20), failed], 'cloud')).toEqual([])
  })

  it('are counted by the last request of each', () => {
    const seen = [read(anna, 'onprem', 0), read(anna, 'cloud', 10), read(ben, 'onprem', 20)]

    expect(shareAt(seen, 'cloud')).toEqual({ there: 1, asked: 2 })
    expect(shareAt([], 'cloud')).toEqual({ there: 0, asked: 0 })
  })

  it('tell when the last of those who moved was served at the old side', () => {
    const seen = [read(anna, 'onprem', 7), read(anna, 'cloud', 10), read(ben, 'onprem', 20)]

    expect(lastElsewhere(seen, 'cloud')).toBe(7)
    expect(lastElsewhere([read(anna, 'cloud', 10)], 'cloud')).toBeUndefined()
  })
})
