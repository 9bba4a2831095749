import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { createMetrics } from '#server-kit/metrics.ts'
import { seededRandom } from '#server-kit/random.ts'
import { MemoryJournal } from '../../../gateway/journal/memory-journal.ts'
import { Shipper } from '../../../gateway/replication/shipper.ts'
import { shippingMetrics, storeMetrics } from '../../../gateway/store/store-metrics.ts'

describe('the metrics of the store', () => {
  it('tell for each other site what it is owed and since when', async () => {
    const clock = new HeldClock()
    const metrics = createMetrics()
    const journal = new MemoryJournal({ clock, random: seededRandom(1) })
    const shipper = new Shipper({
      to: 'there',
      site: 'here',
      writer: 1,
      journal,
      reader: journal.reader('there'),
      peer: { send: () => new Promise(() => undefined), close: async () => undefined },
      clock,
      random: seededRandom(1),
      log: silentLog,
      background: new Background(silentLog),
    })
    shippingMetrics(metrics, ['there'], [shipper])
    journal.append({ kind: 'delete', namespace: 'shop', key: 'k', stamp: 1n })
    clock.advance(2_500)

    const text = await metrics.text()

    expect(text).toContain('tidegate_cache_debt_deletes{site="there"} 1')
    expect(text).toContain('tidegate_cache_debt_seconds{site="there"} 2.5')
    await shipper.close()
  })

  it('count reads and writes by zone, and by no name that a client chooses', async () => {
    const metrics = createMetrics()
    const { reads, writes } = storeMetrics(metrics, ['a'])
    reads.inc({ zone: 'a', result: 'hit' })
    writes.inc({ zone: 'a', result: 'stored' })

    expect(await metrics.text()).toContain('tidegate_zone_reads_total{zone="a",result="hit"} 1')
    expect(metrics.defined.flatMap(({ labels }) => Object.keys(labels))).not.toContain('namespace')
  })
})
