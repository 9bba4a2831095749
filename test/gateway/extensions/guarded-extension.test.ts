import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import type { Answer } from '../../../gateway/answer.ts'
import type { Extension } from '../../../gateway/extensions/extension.ts'
import { GuardedExtension } from '../../../gateway/extensions/guarded-extension.ts'
import { exchangeOf } from '../exchange.ts'

const fine: Answer = { status: 200, reason: '', headers: [], body: undefined }

function guarded(extension: Partial<Extension>, whenFailed: 'refuse' | 'skip' = 'refuse') {
  const clock = new HeldClock()
  const counted: string[] = []
  const guard = new GuardedExtension(
    { name: 'inner', place: 'access', ...extension },
    {
      name: 'one',
      budgetMs: 5,
      whenFailed,
      enabled: true,
      clock,
      log: silentLog,
      calls: { inc: ({ outcome }) => void counted.push(outcome) },
    },
  )
  return { guard, clock, counted }
}

describe('an extension', () => {
  it('may answer, or let the request pass', async () => {
    const { guard } = guarded({ before: (x) => (x.target === '/stop' ? fine : undefined) })

    expect(guard.before(exchangeOf([], { target: '/stop' }))).toBe(fine)
    expect(guard.before(exchangeOf())).toBeUndefined()
  })

  it('that fails on the way in is told as such, or is skipped where it may be', () => {
    const broken = {
      before: () => {
        throw new Error('broken')
      },
    }

    expect(() => guarded(broken).guard.before(exchangeOf())).toThrow(
      expect.objectContaining({ code: 'extension-failed' }),
    )
    expect(guarded(broken, 'skip').guard.before(exchangeOf())).toBeUndefined()
  })

  it('that fails on the way out replaces the answer by 500, or leaves it', () => {
    const broken = {
      after: () => {
        throw new Error('broken')
      },
    }

    expect(guarded(broken).guard.after(exchangeOf(), fine)).toMatchObject({ status: 500 })
    expect(guarded(broken, 'skip').guard.after(exchangeOf(), fine)).toBe(fine)
  })

  it.each([
    ['before', { status: 200 }],
    ['before', Promise.resolve({ ...fine, body: 'text' })],
    ['after', undefined],
    ['after', { ...fine, headers: ['x-a', 'one\r\ntwo'] }],
  ])('whose %s gives what is no answer has failed: %j', async (step, given) => {
    const broken = { [step]: () => given } as Partial<Extension>
    const run = async ({ guard }: ReturnType<typeof guarded>) =>
      step === 'before' ? guard.before(exchangeOf()) : guard.after(exchangeOf(), fine).problem

    const outcome = await run(guarded(broken)).catch((cause: unknown) => cause)
    expect(outcome).toMatchObject({ code: 'extension-failed' })
    expect(await run(guarded(broken, 'skip'))).toBeUndefined()
  })

  it('that fails in the midst of its changes leaves none behind where it is skipped', () => {
    const broken: Partial<Extension> = {
      after: (_, answer) => {
        answer.headers.push('x-half', 'done')
        throw new Error('broken')
      },
    }

    expect(guarded(broken, 'skip').guard.after(exchangeOf(), { ...fine, headers: ['x-a', '1'] }).headers).toEqual([
      'x-a',
      '1',
    ])
  })

  it('that fails after the end ends nothing else', () => {
    const { guard, counted } = guarded({
      closed: () => {
        throw new Error('broken')
      },
    })

    guard.closed(exchangeOf(), fine, 'done')

    expect(counted).toEqual(['failed'])
  })

  it('that cannot close keeps nothing else from closing', async () => {
    const { guard, counted } = guarded({ close: async () => Promise.reject(new Error('broken')) })

    await guard.close()

    expect(counted).toEqual(['failed'])
  })

  it('that waits for longer than its budget has failed', async () => {
    const { guard } = guarded({ before: () => new Promise(() => {}) })

    await expect(guard.before(exchangeOf())).rejects.toMatchObject({ code: 'extension-failed' })
  })

  it('that always computes for longer than its budget is switched off', async () => {
    const { guard, clock, counted } = guarded({ before: () => void clock.advance(6) })

    for (let at = 0; at < 99; at++) await guard.before(exchangeOf())
    expect(guard.enabled).toBe(true)
    await guard.before(exchangeOf())

    expect(guard.enabled).toBe(false)
    expect(counted.every((outcome) => outcome === 'over-budget')).toBe(true)
  })

  it('that is switched off is not called, until it is switched on', () => {
    const { guard } = guarded({ before: () => fine })

    guard.turn(false)
    expect(guard.before(exchangeOf())).toBeUndefined()
    guard.turn(true)
    expect(guard.before(exchangeOf())).toBe(fine)
  })
})
