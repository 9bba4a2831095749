import { describe, expect, it } from 'vitest'
import {
  type Admits,
  type Alone,
  Flights,
  type JoinOptions,
  type Lead,
  type Waiter,
} from '../../../gateway/cache/flights.ts'
import { HitForMiss } from '../../../gateway/cache/hit-for-miss.ts'
import { HeldTimers } from './held-timers.ts'

interface Asked {
  readonly language: string
}

const everybody: Admits<Asked> = { vary: [], admits: () => true }
const speaking = (language: string): Admits<Asked> => ({
  vary: ['accept-language'],
  admits: (request) => request.language === language,
})

function bed(waitersAtMost?: number) {
  const timers = new HeldTimers()
  const hitForMiss = new HitForMiss({ clock: timers.clock })
  const alone: Alone[] = []
  const options = { timers, hitForMiss, released: (because: Alone) => void alone.push(because) }
  const flights = new Flights<Asked, string>(waitersAtMost === undefined ? options : { ...options, waitersAtMost })
  const join = (given: Partial<JoinOptions<Asked>> = {}) =>
    flights.join({
      key: 'k',
      marked: 'k',
      route: 'r',
      request: { language: 'en' },
      waitMs: 60_000,
      regrouped: 0,
      ...given,
    })
  const lead = (given?: Partial<JoinOptions<Asked>>): Lead<Asked, string> => {
    const joined = join(given)
    if (joined.kind !== 'lead') throw new Error(`${joined.kind}, and not the lead`)
    return joined.lead
  }
  const wait = (given?: Partial<JoinOptions<Asked>>): Waiter<string> => {
    const joined = join(given)
    if (joined.kind !== 'wait') throw new Error(`${joined.kind}, and not waiting`)
    return joined.waiter
  }
  return { timers, flights, alone, join, lead, wait }
}

describe('flights', () => {
  it('Cache W1: of requests for one key the first fetches and the others wait; another key has its own', () => {
    const { join, flights } = bed()

    expect(join().kind).toBe('lead')
    expect([join().kind, join().kind]).toEqual(['wait', 'wait'])
    expect(join({ key: 'other', marked: 'other' }).kind).toBe('lead')
    expect([flights.size, flights.waiting]).toEqual([2, 2])
  })

  it('Cache W2: what the leader learns at the head of its answer is given to all who wait, and to who comes meanwhile', async () => {
    const { lead, wait, join, timers } = bed()
    const leader = lead()
    const waiters = [wait(), wait()]

    leader.give('answer', everybody)

    for (const waiter of waiters) expect(await waiter.outcome).toEqual({ kind: 'answer', answer: 'answer' })
    expect(join()).toEqual({ kind: 'answer', answer: 'answer' })
    expect(timers.waits).toBe(0)
    leader.end()
    expect(join().kind).toBe('lead')
  })

  it('Cache W2: an answer whose length is not known is given when it is whole', async () => {
    const { lead, wait, flights } = bed()
    const leader = lead()
    const early = wait()

    leader.hold(everybody)
    const late = wait()
    expect(flights.waiting).toBe(2)
    leader.give('whole', everybody)

    expect(await early.outcome).toEqual({ kind: 'answer', answer: 'whole' })
    expect(await late.outcome).toEqual({ kind: 'answer', answer: 'whole' })
  })

  it('Cache W2: waiters of another variant regroup at once, one leader for each', async () => {
    const { lead, wait, join } = bed()
    const leader = lead({ request: { language: 'en' } })
    const english = wait({ request: { language: 'en' } })
    const german = [wait({ request: { language: 'de' } }), wait({ request: { language: 'de' } })]

    leader.give('hello', speaking('en'))
    const regrouped = await Promise.all(german.map((waiter) => waiter.outcome))
    const again = regrouped.map(() => join({ key: 'k de', regrouped: 1, request: { language: 'de' } }).kind)

    expect(await english.outcome).toEqual({ kind: 'answer', answer: 'hello' })
    expect(regrouped).toEqual([
      { kind: 'regroup', vary: ['accept-language'] },
      { kind: 'regroup', vary: ['accept-language'] },
    ])
    expect(again).toEqual(['lead', 'wait'])
    expect(join({ request: { language: 'fr' } })).toEqual({ kind: 'regroup', vary: ['accept-language'] })
  })

  it('Cache W2: of an answer that is held, those of another variant do not wait for the end', async () => {
    const { lead, wait, join } = bed()
    const leader = lead()
    const german = wait({ request: { language: 'de' } })
    const english = wait()

    leader.hold(speaking('en'))

    expect((await german.outcome).kind).toBe('regroup')
    expect(join({ request: { language: 'de' } }).kind).toBe('regroup')
    leader.give('hello', speaking('en'))
    expect((await english.outcome).kind).toBe('answer')
  })

  it('a service whose Vary never stays the same sends nobody round for ever', () => {
    const { join, alone } = bed()

    expect(join({ regrouped: 3 }).kind).toBe('lead')
    expect(join({ regrouped: 4 })).toEqual({ kind: 'alone', because: 'unsteady' })
    expect(alone).toEqual(['unsteady'])
  })

  it('Cache W3: an answer of no use to others releases all who wait at once, and the next of its key do not wait', async () => {
    const { lead, wait, join, flights, alone } = bed()
    const leader = lead()
    const waiters = Array.from({ length: 99 }, () => wait())

    leader.release('unstorable')

    const outcomes = await Promise.all(waiters.map((waiter) => waiter.outcome))
    expect(outcomes.every((outcome) => outcome.kind === 'alone')).toBe(true)
    expect(join()).toEqual({ kind: 'alone', because: 'marked' })
    expect(alone.filter((because) => because === 'unstorable')).toHaveLength(99)
    expect(flights.size).toBe(0)
  })

  it('Cache W3: an answer that turns out too long after it was held releases and marks', async () => {
    const { lead, wait, join } = bed()
    const leader = lead()
    const waiter = wait()
    leader.hold(everybody)

    leader.release('too-large')

    expect(await waiter.outcome).toEqual({ kind: 'alone', because: 'too-large' })
    expect(join()).toEqual({ kind: 'alone', because: 'marked' })
  })

  it('Cache W3: a storable answer to a request that went alone removes the mark', () => {
    const { lead, join, flights } = bed()
    lead().release('unstorable')
    expect(join().kind).toBe('alone')

    flights.answered('k', 'r', true)

    expect(join().kind).toBe('lead')
  })

  it('Cache W3: requests of a route whose last eight answers were unstorable do not wait, whatever their key', () => {
    const { lead, join } = bed()
    for (let at = 0; at < 8; at++) lead({ key: `k${at}`, marked: `k${at}` }).release('unstorable')

    const kinds = Array.from({ length: 32 }, (_, at) => join({ key: `n${at}`, marked: `n${at}` }).kind)

    expect(kinds.filter((kind) => kind === 'lead')).toHaveLength(1)
    expect(join({ key: 'x', marked: 'x', route: 'another' }).kind).toBe('lead')
  })

  it('Cache W3: neither an error of the service nor a lack of memory marks a key', async () => {
    const { lead, wait, join } = bed()
    for (const because of ['server-error', 'busy', 'broken'] as const) {
      const leader = lead()
      const waiter = wait()

      leader.release(because)

      expect(await waiter.outcome).toEqual({ kind: 'alone', because })
    }
    expect(join().kind).toBe('lead')
  })

  it('Cache W4: nobody waits longer than the route allows, nor than 5 s, and then goes alone', async () => {
    const { lead, wait, timers, alone, join } = bed()
    lead()
    const short = wait({ waitMs: 300 })
    const long = wait({ waitMs: 60_000 })

    timers.advance(299)
    expect(alone).toEqual([])
    timers.advance(1)
    expect(await short.outcome).toEqual({ kind: 'alone', because: 'late' })
    timers.advance(4_699)
    expect(alone).toEqual(['late'])
    timers.advance(1)
    expect(await long.outcome).toEqual({ kind: 'alone', because: 'late' })
    expect(join({ waitMs: 0 })).toEqual({ kind: 'alone', because: 'late' })
  })

  it('Cache W4: a flight takes 1,000 waiters where nothing else is said; the next goes alone', () => {
    const { lead, join } = bed()
    lead()

    const kinds = Array.from({ length: 1_002 }, () => join().kind)

    expect(kinds.slice(0, 1_000).every((kind) => kind === 'wait')).toBe(true)
    expect(kinds.slice(1_000)).toEqual(['alone', 'alone'])
  })

  it('Cache W5: the fetch goes on without its client while somebody waits, and is given up when nobody does', async () => {
    const { lead, wait, join } = bed()
    const leader = lead()
    const abandoned: string[] = []
    leader.whenAbandoned = () => abandoned.push('abandoned')
    const waiters = [wait(), wait()]

    leader.leave()
    waiters[0]?.leave()
    expect(abandoned).toEqual([])
    waiters[1]?.leave()

    expect(abandoned).toEqual(['abandoned'])
    expect(await waiters[0]?.outcome).toEqual({ kind: 'left' })
    expect(join().kind).toBe('lead')
  })

  it('Cache W5: a leader whose client leaves while nobody waits is given up at once', () => {
    const { lead } = bed()
    const leader = lead()
    let abandoned = 0
    leader.whenAbandoned = () => abandoned++

    leader.leave()
    leader.leave()

    expect(abandoned).toBe(1)
  })

  it('Cache W5: when the last waiter is too late, a fetch without a client is given up', () => {
    const { lead, wait, timers } = bed()
    const leader = lead()
    let abandoned = 0
    leader.whenAbandoned = () => abandoned++
    wait({ waitMs: 100 })
    leader.leave()

    timers.advance(100)

    expect(abandoned).toBe(1)
  })

  it('Cache W5: when all who wait are of another variant, a held answer without a client is given up', async () => {
    const { lead, wait } = bed()
    const leader = lead()
    let abandoned = 0
    leader.whenAbandoned = () => abandoned++
    const german = wait({ request: { language: 'de' } })
    leader.leave()

    leader.hold(speaking('en'))

    expect(abandoned).toBe(1)
    expect((await german.outcome).kind).toBe('regroup')
  })

  it('Cache W5: an answer that was given is not given up with its leader', () => {
    const { lead, join } = bed()
    const leader = lead()
    let abandoned = 0
    leader.whenAbandoned = () => abandoned++
    leader.give('answer', everybody)

    leader.leave()

    expect(abandoned).toBe(0)
    expect(join().kind).toBe('answer')
  })

  it('Cache W5: what the gateway itself made of it is given to all who wait', async () => {
    const { lead, wait, join } = bed()
    const leader = lead()
    const waiters = [wait(), wait()]
    const thrown = new Error('planted')

    leader.fail(thrown)

    for (const waiter of waiters) expect(await waiter.outcome).toEqual({ kind: 'failed', thrown })
    expect(join().kind).toBe('lead')
  })

  it('a leader that ends without a word releases who waits', async () => {
    const { lead, wait } = bed()
    const leader = lead()
    const waiter = wait()

    leader.end()

    expect(await waiter.outcome).toEqual({ kind: 'alone', because: 'unfinished' })
  })

  it('a word of a leader that was given up changes nothing for the flight after it', async () => {
    const { lead, wait } = bed()
    const first = lead()
    first.leave()
    const second = lead()
    const waiter = wait()

    first.give('old', everybody)
    first.end()
    second.give('new', everybody)

    expect(await waiter.outcome).toEqual({ kind: 'answer', answer: 'new' })
  })

  it('Cache W7: a background refresh leads where nobody fetches, and who comes meanwhile waits for it', async () => {
    const { flights, wait, lead } = bed()
    const key = { key: 'k', marked: 'k', route: 'r' }
    const refresh = flights.lead(key)
    expect(flights.lead(key)).toBeUndefined()
    const waiter = wait()

    waiter.leave()
    const next = wait()
    refresh?.give('fresh', everybody)

    expect(await next.outcome).toEqual({ kind: 'answer', answer: 'fresh' })
    refresh?.end()
    lead()
    expect(flights.lead(key)).toBeUndefined()
  })
})
