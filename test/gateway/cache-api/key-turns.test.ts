import { describe, expect, it } from 'vitest'
import { KeyTurns } from '../../../gateway/cache-api/key-turns.ts'

describe('turns of a key', () => {
  it('come one after another in the order in which they were asked for, whatever becomes of each', async () => {
    const turns = new KeyTurns(10)
    const told: string[] = []
    const gate = Promise.withResolvers<void>()
    const take = (name: string, work: () => Promise<void>) =>
      turns.take('k', async () => {
        told.push(`${name} begins`)
        await work()
        told.push(`${name} ends`)
      })

    const first = take('first', () => gate.promise)
    const second = take('second', () => Promise.reject(new Error('planted')))
    const third = take('third', async () => undefined)
    await turns.take('other', async () => void told.push('another key'))
    gate.resolve()

    await expect(second).rejects.toThrow('planted')
    await Promise.all([first, third])
    expect(told).toEqual(['first begins', 'another key', 'first ends', 'second begins', 'third begins', 'third ends'])
  })

  it('are refused beyond the limit, over all keys, until one ends', async () => {
    const turns = new KeyTurns(2)
    const gate = Promise.withResolvers<void>()
    const under = [turns.take('a', () => gate.promise), turns.take('b', () => gate.promise)]

    expect(await turns.take('c', async () => 'ran')).toBeUndefined()
    gate.resolve()
    await Promise.all(under)
    expect(await turns.take('c', async () => 'ran')).toBe('ran')
  })
})
