import { describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import type { CredentialForm } from '../../../gateway/auth/credential-form.ts'
import type { RedisClient } from '../../../gateway/auth/redis-client.ts'
import { RedisReads } from '../../../gateway/auth/redis-reads.ts'

const form: CredentialForm = {
  kind: 'token',
  key: 'token:{token}',
  hash: 'sha256',
  form: 'string',
  fields: { consumer: 'consumer', scopes: 'scopes', expiresAt: 'expiresAt', unit: 'ms' },
  scopes: [],
}

const reading = (redis: Partial<RedisClient>, limit: number) =>
  new RedisReads({ redis: redis as RedisClient, deadlineMs: 1_000, clock: systemClock, limit })

describe('a look-up in Redis', () => {
  it('that its client refuses at once takes no place from later ones', async () => {
    let covered = false
    const get = (): Promise<string> => {
      // As ioredis does for a slot that no node of its cluster has.
      if (!covered) throw new TypeError("Cannot read properties of undefined (reading 'join')")
      return Promise.resolve('shop')
    }
    const reads = reading({ get } as Partial<RedisClient>, 2)
    for (let time = 0; time < 3; time++)
      await expect(reads.read(form, 'token:x')).rejects.toMatchObject({ code: 'auth-store-away' })

    covered = true

    expect((await reads.read(form, 'token:x')).caller?.consumer).toBe('shop')
  })

  it('is refused after the deadline and keeps its place until its client gave up, whatever that says then', async () => {
    let giveUp: (() => void) | undefined
    const get = () =>
      new Promise<string>((_, reject) => {
        giveUp = () => reject(new Error('Connection is closed.'))
      })
    const reads = new RedisReads({ redis: { get } as never, deadlineMs: 20, clock: systemClock, limit: 1 })

    await expect(reads.read(form, 'token:x')).rejects.toMatchObject({ code: 'auth-store-away' })
    const [first] = [giveUp]
    await expect(reads.read(form, 'token:x')).rejects.toMatchObject({ code: 'auth-store-away' })
    expect(giveUp).toBe(first)

    first?.()
    await new Promise((resolve) => setImmediate(resolve))
    const third = reads.read(form, 'token:x')
    expect(giveUp).not.toBe(first)
    giveUp?.()
    await expect(third).rejects.toMatchObject({
      code: 'auth-store-away',
      cause: expect.objectContaining({ message: 'Connection is closed.' }),
    })
  })

  it('of a key that ends while its end is asked for finds nobody, who could be kept for a minute else', async () => {
    const reads = reading({ get: async () => 'shop', pttl: async () => -2 } as Partial<RedisClient>, 10)

    expect(await reads.read(form, 'token:x', true)).toEqual({ caller: undefined, ttlMs: undefined })
  })
})
