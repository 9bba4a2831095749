import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Caller } from '#routes/messages.ts'
import { HeldClock, systemClock } from '#server-kit/clock.ts'
import { AlsoAsk, type AlsoAskOptions } from '../../../gateway/auth/also-ask.ts'
import type { TokenStore } from '../../../gateway/auth/token-store.ts'
import { eventually } from '../../support/eventually.ts'

const anna: Caller = { consumer: 'anna', scopes: [] }
const storeOf = (known: Record<string, Caller> = {}): TokenStore => ({
  recall: () => undefined,
  find: async (token) => known[token],
  close: async () => {},
})

function alsoAsk(options: Pick<AlsoAskOptions, 'sites' | 'ask'> & Partial<AlsoAskOptions>) {
  const store = new AlsoAsk({ store: storeOf(), clock: systemClock, perSecond: 1_000, asked: () => {}, ...options })
  return (token: string) => store.find(token)
}

describe('a token that is unknown here', () => {
  it('is asked of the other sites once, and a negative answer is kept', async () => {
    const asked: string[] = []
    const find = alsoAsk({ sites: ['b', 'c'], ask: async (site) => void asked.push(site) })

    expect(await Promise.all([find('t'), find('t')])).toEqual([undefined, undefined])
    expect(await find('t')).toBeUndefined()

    expect(asked).toEqual(['b', 'c'])
  })

  it('is good when one site knows it, though another is away', async () => {
    const find = alsoAsk({
      sites: ['away', 'b'],
      ask: async (site) => {
        if (site === 'away') throw new Error('away')
        return anna
      },
    })

    expect(await find('t')).toBe(anna)
  })

  it('cannot be known when nobody knows it and one site is away, and that is not kept', async () => {
    let away = true
    const find = alsoAsk({
      sites: ['b'],
      ask: async () => {
        if (away) throw new Error('away')
        return anna
      },
    })

    await expect(find('t')).rejects.toMatchObject({ code: 'auth-peer-away', status: 503 })
    away = false
    expect(await find('t')).toBe(anna)
  })

  it('is no more asked for than the rate allows, and what is above is neither good nor bad', async () => {
    const clock = new HeldClock()
    const outcomes: string[] = []
    let asked = 0
    const store = new AlsoAsk({
      store: storeOf(),
      sites: ['b'],
      ask: async () => void asked++,
      clock,
      perSecond: 100,
      asked: (outcome) => outcomes.push(outcome),
    })

    let refused = 0
    for (let guess = 0; guess < 20_000; guess++) {
      await store.find(`guess-${guess}`).catch((problem) => {
        expect(problem).toMatchObject({ code: 'auth-peer-away', facts: { retryAfterS: 1 } })
        refused++
      })
    }

    expect(asked).toBe(100)
    expect(refused).toBe(19_900)
    expect(outcomes.filter((outcome) => outcome === 'limited')).toHaveLength(19_900)
    expect(store.size).toBe(100)
    clock.advance(1_000)
    expect(await store.find('later')).toBeUndefined()
    expect(asked).toBe(101)
  })

  it('is asked for beyond the rate by who was known there a while ago', async () => {
    const clock = new HeldClock()
    const store = new AlsoAsk({
      store: storeOf(),
      sites: ['b'],
      ask: async (_, token) => (token === 't' ? anna : undefined),
      clock,
      perSecond: 10,
      asked: () => {},
    })
    await store.find('t')
    clock.advance(60_000)
    for (let guess = 0; guess < 100; guess++) await store.find(`guess-${guess}`).catch(() => {})

    expect(await store.find('t')).toBe(anna)
  })

  it('is forgotten again, so that a flood cannot fill the memory', async () => {
    const store = new AlsoAsk({
      store: storeOf(),
      sites: ['b'],
      ask: async () => undefined,
      clock: systemClock,
      perSecond: 1_000_000,
      asked: () => {},
    })
    for (let guess = 0; guess < 30_000; guess++) await store.find(`guess-${guess}`)

    expect(store.size).toBe(10_000)
  })

  it('who is known there is recalled without a promise once nobody here has the token', async () => {
    const store = new AlsoAsk({
      store: { ...storeOf(), recall: () => 'unknown' },
      sites: ['b'],
      ask: async (_, token) => (token === 't' ? anna : undefined),
      clock: systemClock,
      perSecond: 100,
      asked: () => {},
    })
    expect(store.recall('t')).toBeUndefined()
    await store.find('t')
    await store.find('u')

    expect(store.recall('t')).toBe(anna)
    expect(store.recall('u')).toBe('unknown')
  })

  it('is never asked elsewhere when it is known here', async () => {
    const find = alsoAsk({ store: storeOf({ t: anna }), sites: ['b'], ask: () => Promise.reject(new Error('asked')) })

    expect(await find('t')).toBe(anna)
  })

  it('is asked for again before its answer is too old, so that who comes often does not wait for a slow site', async () => {
    let asked = 0
    let answers = true
    const find = alsoAsk({
      sites: ['b'],
      ask: async () => {
        asked++
        if (!answers) throw new Error('away')
        return anna
      },
    })
    await find('t')

    await eventually(async () => (await find('t')) === anna && asked === 2, { what: 'a second question' })
    answers = false
    await eventually(async () => (await find('t')) === anna && asked > 2, { what: 'a question without an answer' })

    // It counts for 0.8 s of its question, and then nobody knows.
    await eventually(() =>
      find('t').then(
        () => false,
        ({ code }) => code === 'auth-peer-away',
      ),
    )
  })

  it('counts for no longer than a second since it was asked for, however slowly the answer came', async () => {
    let asked = 0
    const find = alsoAsk({
      sites: ['b'],
      ask: async () => {
        if (asked++ > 0) throw new Error('away')
        await wait(300)
        return anna
      },
    })
    // Revoked a moment after that site looked it up; since then it is away.
    const revokedAt = performance.now()
    expect(await find('t')).toBe(anna)

    const refused = () =>
      find('t').then(
        () => false,
        () => true,
      )
    await eventually(refused)

    expect(performance.now() - revokedAt).toBeLessThan(1_000)
  })
})
