import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { type KeptAnswer, OnceMarkers } from '../../../gateway/cache-api/once-markers.ts'
import { MemoryStore } from '../../../gateway/store/memory-store.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'

function site() {
  const clock = new HeldClock()
  const zones = new MemoryStore({ zone: 'near', clock })
  const process = (writer: number) => new OnceMarkers({ zones, stamps: new StampClock(clock, writer), deadlineMs: 50 })
  return { clock, zones, one: process(1), other: process(2) }
}
const answered = (status: number): KeptAnswer => ({ status, headers: {}, body: String(status) })

describe('work that is done once', () => {
  it('is not done again by a process that comes after one that died over it', async () => {
    const { one, other, clock } = site()
    let done = 0
    const dies = one.run('n', 'f', () => {
      done++
      return Promise.reject(new Error('killed'))
    })
    await expect(dies).rejects.toThrow('killed')

    const work = async () => answered(++done)
    expect(await other.run('n', 'f', work)).toEqual({ kind: 'under-way' })
    expect(await other.run('n', 'another', work)).toEqual({ kind: 'mismatch' })
    clock.advance(599_000)
    expect(await other.run('n', 'f', work)).toEqual({ kind: 'under-way' })
    expect(done).toBe(1)
    clock.advance(2_000)
    expect(await other.run('n', 'f', work)).toMatchObject({ kind: 'answer', isAgain: false })
  })

  it('gives its answer for ten minutes', async () => {
    const { one, other, clock } = site()
    const never = () => Promise.reject(new Error('done again'))

    expect(await one.run('n', 'f', async () => answered(204))).toMatchObject({ isAgain: false })
    clock.advance(599_000)
    expect(await other.run('n', 'f', never)).toEqual({ kind: 'answer', answer: answered(204), isAgain: true })
  })

  it.each([503, 429])('may be tried again where it was answered %d', async (status) => {
    const { one, other } = site()

    await one.run('n', 'f', async () => answered(status))

    expect(await other.run('n', 'f', async () => answered(200))).toMatchObject({ answer: { status: 200 } })
  })

  it('is not begun where no marker can stand', async () => {
    const { one, zones } = site()
    await zones.close()

    expect(await one.run('n', 'f', () => Promise.reject(new Error('begun')))).toEqual({ kind: 'failed' })
  })
})
