import { describe, expect, it } from 'vitest'
import { SharedParts } from '../../../gateway/reload/shared-parts.ts'

function shelf() {
  const parts = new SharedParts()
  const told: string[] = []
  let count = 0
  const generation = (settings: unknown) => {
    const lease = parts.lease()
    const part = lease.take(
      'pools',
      settings,
      () => `pools ${++count}`,
      async (one) => void told.push(`closed ${one}`),
    )
    return { lease, part }
  }
  return { parts, told, generation }
}

describe('the parts of generations', () => {
  it('are handed on while their settings are the same, and closed with the last who has them', async () => {
    const { told, generation } = shelf()
    const first = generation({ connections: 1 })
    const second = generation({ connections: 1 })

    expect(second.part).toBe(first.part)
    await first.lease.release()
    expect(told).toEqual([])
    await second.lease.release()
    expect(told).toEqual(['closed pools 1'])
  })

  it('are new for other settings, and the old ones end with their own generation', async () => {
    const { told, generation } = shelf()
    const first = generation({ connections: 1 })
    const second = generation({ connections: 2 })

    expect(second.part).not.toBe(first.part)
    await first.lease.release()
    expect(told).toEqual(['closed pools 1'])
  })

  it('are never handed on once they close', async () => {
    const { parts, generation } = shelf()
    const first = generation({})
    const closing = first.lease.release()
    const next = generation({})

    expect(next.part).not.toBe(first.part)
    await closing
    expect(parts.size).toBe(1)
  })

  it('are all closed, also when one of them fails to', async () => {
    const lease = new SharedParts().lease()
    const told: string[] = []
    const failing = async () => {
      throw new Error('planted')
    }
    lease.take('first', {}, () => 1, failing)
    lease.take(
      'second',
      {},
      () => 2,
      async () => void told.push('closed second'),
    )

    await expect(lease.release()).rejects.toThrow('planted')
    expect(told).toEqual(['closed second'])
  })
})
