import { describe, expect, it } from 'vitest'
import { systemClock as clock } from '#server-kit/clock.ts'
import { BandwidthCap, bitsPerSecond } from '../../../gateway/replication/bandwidth-cap.ts'

describe('a cap on bandwidth', () => {
  it('reads rates as configuration has them', () => {
    expect([bitsPerSecond('64kbps'), bitsPerSecond('200Mbps'), bitsPerSecond('1Gbps')]).toEqual([64e3, 200e6, 1e9])
  })

  it('lets no more pass over time than it should, in pieces of at most 50 ms', async () => {
    const cap = new BandwidthCap(8_000_000, clock)
    const startedAt = clock.monotonic()
    let sent = 0
    while (sent < 400_000) {
      await cap.admit(false)
      cap.spend(cap.batchBytes)
      sent += cap.batchBytes
    }
    const ms = clock.monotonic() - startedAt

    expect(cap.batchBytes).toBe(50_000)
    // 400 kB at 1 MB/s; the last piece and the allowance pass ahead of it.
    expect(ms).toBeGreaterThan(250)
    cap.close()
  })

  it('lets whoever has invalidations pass before those who came earlier with values', async () => {
    const cap = new BandwidthCap(800_000, clock)
    cap.spend(20_000)
    const order: string[] = []
    const pass = async (name: string, urgent: boolean): Promise<void> => {
      await cap.admit(urgent)
      order.push(name)
      cap.spend(1_000)
    }

    await Promise.all([pass('value', false), pass('value', false), pass('delete', true), pass('delete', true)])

    expect(order).toEqual(['delete', 'delete', 'value', 'value'])
    cap.close()
  })

  it('keeps nobody when it is closed', async () => {
    const cap = new BandwidthCap(1_000, clock)
    cap.spend(1_000_000)
    const waiting = cap.admit(false)

    cap.close()

    expect([await waiting, await cap.admit(false)]).toEqual([false, true])
  })
})
