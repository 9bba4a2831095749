import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock as clock } from '#server-kit/clock.ts'
import { type Log, silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import type { Acknowledgement, Batch } from '../../../gateway/store/batch.ts'
import { Shipper } from '../../../gateway/store/shipper.ts'
import { StampClock } from '../../../gateway/store/stamp.ts'
import { eventually } from '../../support/eventually.ts'

const stamps = new StampClock(clock, 1)
const all = ({ header, operations }: Batch): Acknowledgement => ({
  through: operations.at(-1)?.seq ?? header.first,
  applied: operations.length,
  older: 0,
  expired: 0,
  failed: 0,
})

function shipping(answer: (batch: Batch, sends: number) => Promise<Acknowledgement>) {
  const sent: Batch[] = []
  const told: string[] = []
  const log: Log = { ...silentLog, warn: (_facts, text) => told.push(text), info: (_facts, text) => told.push(text) }
  const shipper = new Shipper({
    to: 'there',
    site: 'here',
    writer: 1,
    peer: {
      send: (batch) => {
        sent.push(batch)
        return answer(batch, sent.length)
      },
      close: async () => undefined,
    },
    clock,
    random: systemRandom,
    log,
    background: new Background(silentLog),
  })
  const del = (key: string) => shipper.append({ kind: 'delete', namespace: 'shop', key, stamp: stamps.next() })
  return { shipper, sent, told, del }
}

describe('a shipper', () => {
  it.each(Array.from({ length: 12 }, (_, turns) => turns))(
    'sends what is written %i microtasks after its last batch was acknowledged',
    async (turns) => {
      const { shipper, sent, del } = shipping((batch) => {
        const answered = Promise.resolve(all(batch))
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
    const { shipper } = shipping(async (batch) => {
      await held
      return all(batch)
    })
    expect(await shipper.settled(0)).toBe(true)
    shipper.append({ kind: 'invalidate', namespace: 'http-a', target: 'tag', key: 't:a', stamp: stamps.next() })

    const [early, waiting] = [await shipper.settled(20), shipper.settled(5_000)]
    release()

    expect([early, await waiting]).toEqual([false, true])
  })

  it('sends again from where the other site got to', async () => {
    const { shipper, sent, del } = shipping(async (batch, sends) => {
      const done = all(batch)
      return sends === 1 ? { ...done, through: batch.header.first, failed: 1 } : done
    })
    for (let i = 0; i < 40; i++) del(`k${i}`)

    expect(await shipper.drained(5_000)).toBe(true)

    const first = sent[0] as Batch
    const again = sent.filter(({ header }) => header.lane === first.header.lane)[1] as Batch
    expect(again.header.first).toBe(first.operations[1]?.seq)
    expect(new Set(sent.flatMap(({ operations }) => operations.map(({ operation }) => operation.key))).size).toBe(40)
    expect(shipper.debt()).toMatchObject({ deletes: 0, dirty: [] })
  })

  it('keeps the order of a key, whatever fails', async () => {
    const seen: string[] = []
    const { shipper, del } = shipping(async (batch, sends) => {
      if (sends % 2 === 1) throw new Error('away')
      for (const { operation } of batch.operations) seen.push(`${operation.key} ${operation.stamp}`)
      return all(batch)
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
    const { shipper, sent, told, del } = shipping(async (batch) => {
      if (away) throw new Error('away')
      return all(batch)
    })
    del('k')
    await eventually(() => sent.length >= 3)
    away = false

    expect(await shipper.drained(5_000)).toBe(true)
    expect(told).toEqual(['the other site does not take cache writes', 'the other site takes cache writes again'])
  })

  it('stops at once when it is closed, and still tells what it owes', async () => {
    const { shipper, sent, del } = shipping(async () => {
      throw new Error('away')
    })
    del('k')
    await eventually(() => sent.length === 1)

    await shipper.close()
    const before = sent.length

    expect(await shipper.drained(200)).toBe(false)
    expect(sent).toHaveLength(before)
    expect(shipper.debt().deletes).toBe(1)
  })
})
