import { hash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import type { Log } from '#server-kit/log.ts'
import { MemoryTokenStore } from '../../../gateway/auth/memory-token-store.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const entry = (token: string) => ({ sha256: hash('sha256', token, 'hex'), consumer: 'shop', scopes: [] })

describe('a token file', () => {
  it.each(['{}', '[{'])('that says %s is told once, and leaves the last good one in force', async (broken) => {
    await using folder = await temporaryFolder()
    const file = folder.file('tokens.json')
    const told: unknown[] = []
    const log = { warn: (facts: unknown) => told.push(facts) } as unknown as Log
    const clock = new HeldClock()
    const store = new MemoryTokenStore({ file, kind: 'token', clock, log })
    await writeFile(file, JSON.stringify([entry('good')]))
    expect((await store.find('good'))?.consumer).toBe('shop')

    await writeFile(file, broken)
    for (let look = 0; look < 5; look++) {
      clock.advance(1_000)
      expect((await store.find('good'))?.consumer).toBe('shop')
    }
    expect(told).toHaveLength(1)

    await writeFile(file, JSON.stringify([entry('newer')]))
    clock.advance(1_000)
    expect((await store.find('newer'))?.consumer).toBe('shop')
  })
})
