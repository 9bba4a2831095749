/**
 * Flights under any order of joins, leaves, words of leaders and time: each waiter ends exactly once, and nobody waits for ever.
 * A flight whose leader says nothing at its end, and whose waiters have no clock, must fail.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Admits, Flights, type Lead } from '../../gateway/cache/flights.ts'
import { HitForMiss } from '../../gateway/cache/hit-for-miss.ts'
import { HeldTimers } from '../gateway/cache/held-timers.ts'

const variants = ['en', 'de', 'fr'] as const
type Variant = (typeof variants)[number]

const event = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('join' as const),
      key: fc.nat({ max: 1 }),
      variant: fc.constantFrom(...variants),
      waitMs: fc.integer({ min: 0, max: 8_000 }),
    }),
  },
  fc.record({ kind: fc.constant('leave' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('leader leaves' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('give' as const), which: fc.nat(), varies: fc.boolean() }),
  fc.record({ kind: fc.constant('hold' as const), which: fc.nat(), varies: fc.boolean() }),
  fc.record({
    kind: fc.constant('release' as const),
    which: fc.nat(),
    because: fc.constantFrom('unstorable' as const, 'server-error' as const, 'too-large' as const),
  }),
  fc.record({ kind: fc.constant('fail' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('end' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.nat({ max: 3_000 }) }),
)
type Happening = typeof event extends fc.Arbitrary<infer Event> ? Event : never

interface Seen {
  readonly variant: Variant
  readonly ends: string[]
}

async function run(events: readonly Happening[], guards: { readonly clocks: boolean }): Promise<readonly Seen[]> {
  const timers = new HeldTimers()
  const hitForMiss = new HitForMiss({ clock: timers.clock, markMs: 1_000 })
  const waits = guards.clocks ? timers : { after: () => () => undefined }
  const flights = new Flights<Variant, Variant>({ timers: waits, hitForMiss, waitersAtMost: 5 })
  const leads: { readonly lead: Lead<Variant, Variant>; readonly variant: Variant }[] = []
  const waiters: { readonly leave: () => void; readonly seen: Seen; isLeaving: boolean }[] = []
  const all: Seen[] = []
  const settled: Promise<void>[] = []

  const one = <T>(list: readonly T[], which: number): T | undefined => list[which % list.length]
  const admits = (lead: { readonly variant: Variant }, varies: boolean): Admits<Variant> => ({
    vary: varies ? ['accept-language'] : [],
    admits: (variant) => !varies || variant === lead.variant,
  })
  const join = (key: string, variant: Variant, waitMs: number, regrouped: number): void => {
    const joined = flights.join({ key, marked: key, route: key, request: variant, waitMs, regrouped })
    if (joined.kind === 'lead') {
      leads.push({ lead: joined.lead, variant })
    } else if (joined.kind === 'wait') {
      const seen: Seen = { variant, ends: [] }
      all.push(seen)
      const waiter = { leave: joined.waiter.leave, seen, isLeaving: false }
      waiters.push(waiter)
      const ended = async () => {
        const outcome = await joined.waiter.outcome
        seen.ends.push(outcome.kind)
        if (outcome.kind === 'answer') expect(variants).toContain(outcome.answer)
        if (outcome.kind === 'regroup') join(`${key} ${variant}`, variant, waitMs, regrouped + 1)
      }
      settled.push(ended())
    }
  }

  for (const happening of events) {
    if (happening.kind === 'join') join(`k${happening.key}`, happening.variant, happening.waitMs, 0)
    else if (happening.kind === 'leave') one(waiters, happening.which)?.leave()
    else if (happening.kind === 'pass') timers.advance(happening.ms)
    else {
      const led = one(leads, happening.which)
      if (led === undefined) continue
      const { lead } = led
      if (happening.kind === 'leader leaves') lead.leave()
      else if (happening.kind === 'give') lead.give(led.variant, admits(led, happening.varies))
      else if (happening.kind === 'hold') lead.hold(admits(led, happening.varies))
      else if (happening.kind === 'release') lead.release(happening.because)
      else if (happening.kind === 'fail') lead.fail('planted')
      else lead.end()
    }
    // What waits in the queue of promises is done before the next thing happens.
    await Promise.resolve()
  }
  // Nobody waits for ever: leaders may say nothing more at all.
  for (let turn = 0; turn < 5; turn++) {
    await new Promise((resolve) => setImmediate(resolve))
    timers.advance(5_000)
  }
  await new Promise((resolve) => setImmediate(resolve))
  return all
}

const histories = fc.array(event, { maxLength: 60 })

describe('flights', () => {
  it('Cache W1: in any order of events each waiter ends exactly once, and nobody waits for ever', async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (events) => {
        for (const { ends } of await run(events, { clocks: true })) expect(ends).toHaveLength(1)
      }),
      { numRuns: 100 },
    )
  })

  it('without clocks the same histories leave waiters behind', async () => {
    const found = await fc.check(
      fc.asyncProperty(histories, async (events) => {
        for (const { ends } of await run(events, { clocks: false })) expect(ends).toHaveLength(1)
      }),
      { numRuns: 150, endOnFailure: true },
    )

    expect(found.failed).toBe(true)
  })
})
