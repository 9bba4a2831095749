import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Caller } from '#routes/messages.ts'
import { longestMs, TokenMemory, unknownMs } from '../../../gateway/auth/token-memory.ts'

const shop: Caller = { consumer: 'shop', scopes: [] }

function learned(memory: TokenMemory, name: string, caller: Caller | undefined, atMs = 0, ttlMs?: number): void {
  memory.end(memory.begin(name), caller, atMs, ttlMs)
}

describe('the memory of tokens', () => {
  it('recalls a caller for 60 s of the question, or as long as the store would', () => {
    const memory = new TokenMemory({ entries: 10 })
    learned(memory, 'a', shop, 1_000)
    learned(memory, 'b', shop, 1_000, 50)

    expect(memory.recall('a', 1_000 + longestMs - 1, 0)).toBe(shop)
    expect(memory.recall('a', 1_000 + longestMs, 0)).toBeUndefined()
    expect(memory.recall('b', 1_049, 0)).toBe(shop)
    expect(memory.recall('b', 1_050, 0)).toBeUndefined()
  })

  it('recalls nobody past their own end', () => {
    const memory = new TokenMemory({ entries: 10 })
    learned(memory, 'a', { ...shop, expiresAt: 500 })

    expect(memory.recall('a', 0, 499)).toBeDefined()
    expect(memory.recall('a', 0, 500)).toBeUndefined()
  })

  it('recalls for 5 s that nobody has a name', () => {
    const memory = new TokenMemory({ entries: 10 })
    learned(memory, 'a', undefined)

    expect(memory.recall('a', unknownMs - 1, 0)).toBe('unknown')
    expect(memory.recall('a', unknownMs, 0)).toBeUndefined()
  })

  it('loses nobody who is known to a flood of guesses, and grows no further', () => {
    const memory = new TokenMemory({ entries: 100 })
    learned(memory, 'known', shop)

    for (let guess = 0; guess < 100_000; guess++) learned(memory, `guess-${guess}`, undefined)

    expect(memory.recall('known', 1, 0)).toBe(shop)
    expect(memory.unknownSize).toBe(10)
    for (let more = 0; more < 1_000; more++) learned(memory, `known-${more}`, shop)
    expect(memory.size).toBe(100)
  })

  it('is bounded in bytes, too', () => {
    const memory = new TokenMemory({ entries: 1_000, bytes: 10_000 })
    for (let more = 0; more < 100; more++) learned(memory, `known-${more}`, { consumer: 'x'.repeat(200), scopes: [] })

    expect(memory.size).toBeLessThanOrEqual(22)
  })

  it('keeps no answer that an invalidation overtook, in whatever order things come', () => {
    const step = fc.constantFrom('ask', 'answer', 'change', 'clear')
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const memory = new TokenMemory({ entries: 10 })
        // The truth is a number that grows with each change; an answer carries the one of its question.
        let truth = 0
        const asked: { asking: ReturnType<TokenMemory['begin']>; version: number }[] = []
        for (const one of steps) {
          if (one === 'ask') asked.push({ asking: memory.begin('a'), version: truth })
          else if (one === 'answer') {
            const answered = asked.shift()
            if (answered !== undefined) memory.end(answered.asking, { consumer: `v${answered.version}`, scopes: [] }, 0)
          } else {
            truth++
            if (one === 'change') memory.forget('a')
            else memory.clear()
          }
          const recalled = memory.recall('a', 1, 0)
          if (typeof recalled === 'object') expect(recalled.consumer).toBe(`v${truth}`)
        }
      }),
    )
  })
})
