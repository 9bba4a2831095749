import { describe, expect, it } from 'vitest'
import type { Held, PlacementSet } from '#routes/table.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { seededRandom } from '#server-kit/random.ts'
import { CloudflareClient } from '../../../control-plane/edge/cloudflare-client.ts'
import { KvChannel } from '../../../control-plane/edge/kv-channel.ts'
import { CloudflareApiFake } from '../../support/cloudflare-api.ts'
import { held } from '../support/publishing-bed.ts'

const key = 'placements/staging'
const placements = (number: number): Held<PlacementSet> => held('placements', number)

async function started() {
  const clock = new HeldClock(Date.UTC(2026, 10, 22))
  const fake = await CloudflareApiFake.start({ clock })
  const channel = new KvChannel({
    api: new CloudflareClient({
      api: fake.api,
      account: fake.account,
      script: fake.script,
      kvNamespace: fake.namespace,
      token: () => fake.token,
      stopped: new AbortController().signal,
    }),
    environment: 'staging',
    clock,
    random: seededRandom(1, clock),
    log: silentLog,
    ring: () => undefined,
  })
  /** Until nothing is due any more. */
  const run = async (untilMs = 3_600_000) => {
    const end = clock.monotonic() + untilMs
    for (;;) {
      const ms = await channel.advance()
      if (ms === undefined || clock.monotonic() + ms > end) return
      clock.advance(ms)
    }
  }
  return { clock, fake, channel, run, [Symbol.asyncDispose]: () => fake[Symbol.asyncDispose]() }
}

describe('placements in KV', () => {
  it('are a table offer of the sealed placements, as a worker reads it', async () => {
    await using bed = await started()
    bed.channel.offer(placements(3))

    await bed.run()

    const offer = { placements: { kind: 'placements', keyId: 'k', signature: 's', body: 'placements 3' } }
    expect(bed.fake.written(key)).toEqual([JSON.stringify(offer)])
  })

  it('are written twice for 500 flips in a moment, at least 1.1 s apart, the newest last', async () => {
    await using bed = await started()
    bed.channel.offer(placements(1))
    const first = bed.channel.advance()
    for (let number = 2; number <= 501; number++) bed.channel.offer(placements(number))
    await first

    await bed.run()

    expect(bed.fake.written(key)).toHaveLength(2)
    expect(bed.fake.written(key).at(-1)).toContain('placements 501')
    expect(bed.fake.calls).toHaveLength(2)
    expect(bed.channel.numbers).toEqual({ written: 501, wanted: 501 })
  })

  it('are never written within a second of a write, however tightly flips come', async () => {
    await using bed = await started()

    for (let number = 1; number <= 200; number++) {
      bed.channel.offer(placements(number))
      await bed.run(50)
      bed.clock.advance(50)
    }
    await bed.run()

    // The fake would have refused it, and the refusal would be a further call.
    expect(bed.fake.written(key)).toHaveLength(bed.fake.calls.length)
    expect(bed.fake.written(key).length).toBeLessThanOrEqual(11)
  })

  it('never go back to an older number', async () => {
    await using bed = await started()
    bed.channel.offer(placements(5))
    bed.channel.offer(placements(4))

    await bed.run()

    expect(bed.fake.written(key)).toEqual([expect.stringContaining('placements 5')])
  })

  it('are up to a minute old where others read them', async () => {
    await using bed = await started()
    bed.channel.offer(placements(1))
    await bed.run()
    bed.clock.advance(58_000)
    expect(bed.fake.readElsewhere(key)).toBeUndefined()
    bed.clock.advance(2_000)
    expect(bed.fake.readElsewhere(key)).toContain('placements 1')
  })

  it('are written again after a failure or a lost answer, the newest by then', async () => {
    await using bed = await started()
    const faults = [{ kind: 'status', status: 503 } as const, { kind: 'lost' } as const, { kind: 'cut' } as const]
    bed.fake.fault = () => faults.shift() ?? { kind: 'none' }
    bed.channel.offer(placements(1))
    await bed.channel.advance()
    expect(bed.channel.health).toMatchObject({ state: 'failing' })
    bed.channel.offer(placements(2))

    await bed.run()

    expect(bed.fake.written(key).at(-1)).toContain('placements 2')
    expect(bed.channel.health.state).toBe('working')
  })

  it('are not written any more once the token was refused, until a person has mended it', async () => {
    await using bed = await started()
    bed.fake.fault = () => ({ kind: 'status', status: 401 })
    bed.channel.offer(placements(1))
    await bed.run()
    bed.channel.offer(placements(2))
    await bed.run()
    expect([bed.fake.calls.length, bed.channel.health.state]).toEqual([1, 'halted'])

    bed.fake.fault = () => ({ kind: 'none' })
    bed.channel.resume()
    await bed.run()
    expect(bed.channel.numbers).toEqual({ written: 2, wanted: 2 })
  })
})
