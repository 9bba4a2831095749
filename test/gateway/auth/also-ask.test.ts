import { setTimeout as wait } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Caller } from '#routes/messages.ts'
import { alsoAsk } from '../../../gateway/auth/also-ask.ts'
import type { TokenStore } from '../../../gateway/auth/token-store.ts'
import { eventually } from '../../support/eventually.ts'

const anna: Caller = { consumer: 'anna', scopes: [] }
const storeOf = (known: Record<string, Caller> = {}): TokenStore => ({
  find: async (token) => known[token],
  close: async () => {},
})

describe('a token that is unknown here', () => {
  it('is asked of the other sites once, and a negative answer is kept', async () => {
    const asked: string[] = []
    const find = alsoAsk({ store: storeOf(), sites: ['b', 'c'], ask: async (site) => void asked.push(site) })

    expect(await Promise.all([find('t'), find('t')])).toEqual([undefined, undefined])
    expect(await find('t')).toBeUndefined()

    expect(asked).toEqual(['b', 'c'])
  })

  it('is good when one site knows it, though another is away', async () => {
    const find = alsoAsk({
      store: storeOf(),
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
      store: storeOf(),
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

  it('is never asked elsewhere when it is known here', async () => {
    const find = alsoAsk({ store: storeOf({ t: anna }), sites: ['b'], ask: () => Promise.reject(new Error('asked')) })

    expect(await find('t')).toBe(anna)
  })

  it('is asked for again before its answer is too old, so that who comes often does not wait for a slow site', async () => {
    let asked = 0
    let answers = true
    const find = alsoAsk({
      store: storeOf(),
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
      store: storeOf(),
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
