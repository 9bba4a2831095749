import { afterEach, describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock as clock } from '#server-kit/clock.ts'
import { type Log, silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import { MemoryJournal } from '../../../gateway/journal/memory-journal.ts'
import { BandwidthCap } from '../../../gateway/replication/bandwidth-cap.ts'
import type { Acknowledgement, Batch } from '../../../gateway/replication/batch.ts'
import type { Sent } from '../../../gateway/replication/replication-peer.ts'
import { Shipper } from '../../../gateway/replication/shipper.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { eventually } from '../../support/eventually.ts'
import { carried, sendingSide, TestPeer } from './sides.ts'

const stamps = new StampClock(clock, 1)
const all = ({ header, invalidations, values }: Batch): Acknowledgement => ({
  through: {
    invalidations: invalidations.at(-1)?.seq ?? header.invalidations.after,
    values: values.at(-1)?.seq ?? header.values.after,
  },
  applied: invalidations.length + values.length,
  older: 0,
  expired: 0,
  failed: 0,
})
const taken = (acknowledgement: Acknowledgement): Sent => ({ kind: 'taken', acknowledgement, bytes: 100 })
const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** `answer` is asked about batches with records; heartbeats are taken, unless it is `away`. */
function shipping(
  answer: (batch: Batch, sends: number) => Promise<Sent>,
  options: { readonly away?: () => boolean; readonly bandwidth?: BandwidthCap } = {},
) {
  const sent: Batch[] = []
  const beats: Batch[] = []
  const told: string[] = []
  const log: Log = { ...silentLog, warn: (_facts, text) => told.push(text), info: (_facts, text) => told.push(text) }
  const journal = new MemoryJournal({ clock, random: systemRandom })
  const shipper = new Shipper({
    to: 'there',
    site: 'here',
    writer: 1,
    journal,
    reader: journal.reader('there'),
    peer: {
      send: async (outgoing) => {
        const batch = carried(outgoing)
        const isBeat = outgoing.records.length === 0
        ;(isBeat ? beats : sent).push(batch)
        if (options.away?.()) throw new Error('away')
        return isBeat ? taken(all(batch)) : answer(batch, sent.length)
      },
      close: async () => undefined,
    },
    clock,
    random: systemRandom,
    log,
    background: new Background(silentLog),
    bandwidth: options.bandwidth,
  })
  closing.push(() => shipper.close())
  const del = (key: string) => journal.append({ kind: 'delete', namespace: 'shop', key, stamp: stamps.next() })
  const put = (key: string, bytes = 10) =>
    journal.append({
      kind: 'set',
      namespace: 'shop',
      key,
      stamp: stamps.next(),
      value: Buffer.alloc(bytes, key),
      flags: 0,
      expiresAtMs: 0,
    })
  return { shipper, journal, sent, beats, told, del, put }
}

describe('a shipper', () => {
  it.each(Array.from({ length: 12 }, (_, turns) => turns))(
    'sends what is written %i microtasks after its last batch was acknowledged',
    async (turns) => {
      const { shipper, sent, del } = shipping((batch) => {
        const answered = Promise.resolve(taken(all(batch)))
        if (sent.length === 1) {
          let later: Promise<unknown> = answered
          for (let i = 0; i < turns; i++) later = later.then(() => undefined)
          void later.then(() => del('same'))
        }
        return answered
      })
      del('same')

      await eventually(() => sent.length === 2, { deadlineMs: 1_000 })
      expect(await shipper.drained(1_000)).toBe(true)
    },
  )

  it('Cache U3: is settled when every invalidation was applied there, and says so when it was not in time', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const { shipper, journal } = shipping(async (batch) => {
      await held
      return taken(all(batch))
    })
    expect(await shipper.settled(5_000)).toBe(true)
    journal.append({ kind: 'invalidate', namespace: 'http-a', target: 'tag', key: 't:a', stamp: stamps.next() })

    const [early, waiting] = [await shipper.settled(20), shipper.settled(5_000)]
    release()

    expect([early, await waiting]).toEqual([false, true])
  })

  it('Store J6: owes one before the other site has answered: an earlier journal may be lost, and it does not know yet', async () => {
    let isAway = true
    const { shipper } = shipping(async (batch) => taken(all(batch)), { away: () => isAway })

    const early = [await shipper.settled(20), await shipper.drained(20), shipper.debt().deletes]
    isAway = false

    expect(early).toEqual([false, false, 1])
    expect(await shipper.settled(5_000)).toBe(true)
    expect([await shipper.drained(0), shipper.debt().deletes]).toEqual([true, 0])
  })

  it('Store J6: says that its journal follows a loss until the other site has answered, which gives up what it has', async () => {
    class AfterLoss extends MemoryJournal {
      override afterLoss = true
      override knowsLoss(destination: string): void {
        this.afterLoss = false
        knowing.push(destination)
      }
    }
    const knowing: string[] = []
    const peer = new TestPeer()
    peer.state = 'away'
    const { shipper } = sendingSide(peer, { journal: new AfterLoss({ clock: clock, random: systemRandom }) })
    closing.push(() => shipper.close())
    expect(await shipper.settled(20)).toBe(false)
    expect([knowing, peer.side.shared.floor('there')]).toEqual([[], 0n])

    peer.state = 'up'

    expect(await shipper.settled(5_000)).toBe(true)
    expect(knowing[0]).toBe('there')
    expect(peer.side.shared.floor('there')).toBeGreaterThan(0n)
  })

  it('sends again from where the other site got to', async () => {
    const { shipper, sent, del } = shipping(async (batch, sends) => {
      const done = all(batch)
      if (sends > 1) return taken(done)
      const invalidations = batch.header.invalidations.first
      return taken({ ...done, through: { ...done.through, invalidations }, failed: 1 })
    })
    for (let i = 0; i < 40; i++) del(`k${i}`)

    expect(await shipper.drained(5_000)).toBe(true)

    const first = sent[0] as Batch
    const again = sent.filter(({ header }) => header.lane === first.header.lane)[1] as Batch
    expect(again.header.invalidations).toMatchObject({
      after: first.invalidations[0]?.seq,
      first: first.invalidations[1]?.seq,
    })
    const keys = sent.flatMap(({ invalidations }) => invalidations.map(({ operation }) => operation.key))
    expect(new Set(keys).size).toBe(40)
    expect(shipper.debt()).toMatchObject({ deletes: 0, dirty: [] })
  })

  it('believes no word of the other site about what it was not given', async () => {
    const { shipper, sent, del } = shipping(async (batch, sends) =>
      taken({ ...all(batch), through: sends === 1 ? { invalidations: 1e6, values: 1e6 } : all(batch).through }),
    )
    del('a')
    expect(await shipper.drained(1_000)).toBe(true)

    del('a')

    expect(await shipper.drained(1_000)).toBe(true)
    expect(sent).toHaveLength(2)
  })

  it('keeps the order of a key, whatever fails', async () => {
    const seen: string[] = []
    const { shipper, del } = shipping(async (batch, sends) => {
      if (sends % 2 === 1) throw new Error('away')
      for (const { operation } of batch.invalidations) seen.push(`${operation.key} ${operation.stamp}`)
      return taken(all(batch))
    })
    for (let round = 0; round < 3; round++) {
      for (const key of ['a', 'b', 'c']) del(key)
      await new Promise((resolve) => setImmediate(resolve))
    }

    expect(await shipper.drained(5_000)).toBe(true)

    for (const key of ['a', 'b', 'c']) {
      const stampsOfKey = seen.filter((each) => each.startsWith(key)).map((each) => BigInt(each.slice(2)))
      expect(stampsOfKey).toEqual([...stampsOfKey].sort((x, y) => (x < y ? -1 : 1)))
    }
  })

  it('says once when an outage begins and once when it is over', async () => {
    let away = true
    const { shipper, sent, beats, told, del } = shipping(async (batch) => taken(all(batch)), { away: () => away })
    del('k')
    await eventually(() => beats.length >= 3)
    // While it is away only heartbeats ask for it.
    expect(sent).toHaveLength(1)
    away = false

    expect(await shipper.drained(5_000)).toBe(true)
    expect(told).toEqual(['the other site does not take cache writes', 'the other site takes cache writes again'])
  })

  it('stops at once when it is closed, and still tells what it owes', async () => {
    const { shipper, sent, beats, del } = shipping(async (batch) => taken(all(batch)), { away: () => true })
    del('k')
    await eventually(() => sent.length === 1)

    await shipper.close()
    const before = sent.length + beats.length

    expect(await shipper.drained(200)).toBe(false)
    expect(sent.length + beats.length).toBe(before)
    expect(shipper.debt().deletes).toBe(1)
  })

  it('Store J7: is heard four times a second also when nothing is written, and says what waits', async () => {
    const { beats, shipper } = shipping(async (batch) => taken(all(batch)))

    await eventually(() => beats.length >= 3, { deadlineMs: 3_000 })

    expect(beats.map(({ header }) => header.waiting)).toEqual(beats.map(() => 0))
    const seconds = ((beats.at(-1)?.header.now ?? 0) - (beats[0]?.header.now ?? 0)) / 1_000
    expect(seconds / (beats.length - 1)).toBeLessThan(1)
    await shipper.close()
    expect(beats.at(-1)?.header.closed).toBe(true)
  })

  it('Store J6: says nothing of an end while something waits', async () => {
    const { beats, sent, shipper, del } = shipping(async () => ({ kind: 'later', afterMs: 30_000, because: 'busy' }))
    del('k')
    await eventually(() => sent.length === 1)

    await shipper.close()

    expect(beats.filter(({ header }) => header.closed)).toEqual([])
  })

  it('waits as long as the other site asks, and no shorter', async () => {
    let at = 0
    const { sent, beats, shipper, del } = shipping(async (batch, sends) => {
      if (sends > 1) return taken(all(batch))
      at = clock.monotonic()
      return { kind: 'later', afterMs: 400, because: 'busy' }
    })
    del('k')
    await eventually(() => sent.length === 1)
    const before = beats.length

    expect(await shipper.drained(5_000)).toBe(true)

    expect(clock.monotonic() - at).toBeGreaterThanOrEqual(399)
    expect(beats.length - before).toBeGreaterThan(0)
  })

  it('halves a batch that was too large, and tries larger ones again', async () => {
    const sizes: number[] = []
    const { shipper, journal, del } = shipping(async (batch) => {
      const size = batch.invalidations.length
      if (batch.header.lane === 0) sizes.push(size)
      return size > 10 ? { kind: 'too-large' } : taken(all(batch))
    })
    for (let i = 0; i < 200; i++) del(`k${i}`)

    expect(await shipper.drained(10_000)).toBe(true)

    expect(Math.max(...sizes)).toBeGreaterThan(10)
    expect(sizes.filter((size) => size <= 10).length).toBeGreaterThan(1)
    expect(journal.stats().dirty).toEqual([])
  })

  it('sends less at once where a batch does not arrive in time', async () => {
    let largest = 0
    const { shipper, del } = shipping(async (batch) => {
      const size = batch.invalidations.length
      if (size > 20) throw new Error('the deadline passed')
      largest = Math.max(largest, size)
      return taken(all(batch))
    })
    for (let i = 0; i < 320; i++) del(`k${i}`)

    expect(await shipper.drained(20_000)).toBe(true)
    expect(largest).toBeGreaterThan(1)
  }, 30_000)

  it('sends invalidations first where the bandwidth is short', async () => {
    const order: string[] = []
    const bandwidth = new BandwidthCap(800_000, clock)
    const { shipper, put, del } = shipping(
      async (batch) => {
        for (const { operation } of [...batch.invalidations, ...batch.values]) order.push(operation.kind)
        return { ...taken(all(batch)), bytes: 4_000 } as Sent
      },
      { bandwidth },
    )
    for (let i = 0; i < 40; i++) put(`value ${i}`, 2_000)
    for (let i = 0; i < 40; i++) del(`gone ${i}`)

    expect(await shipper.drained(10_000)).toBe(true)

    expect(order.lastIndexOf('delete')).toBeLessThan(60)
    bandwidth.close()
  })
})
