import { describe, expect, it } from 'vitest'
import { Background } from '#server-kit/background.ts'
import { systemClock as clock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { systemRandom } from '#server-kit/random.ts'
import type { Journal } from '../../../gateway/journal/journal.ts'
import { MemoryJournal } from '../../../gateway/journal/memory-journal.ts'
import { Fleet } from '../../../gateway/replication/fleet.ts'
import { Shipper } from '../../../gateway/replication/shipper.ts'
import { eventually } from '../../support/eventually.ts'
import { TestPeer } from './sides.ts'

function fleetOf(to: readonly string[]) {
  const peers: TestPeer[] = []
  const background = new Background(silentLog)
  const own = new MemoryJournal({ clock, random: systemRandom })
  const order: string[] = []
  const zone = { zone: 'a', state: 'up' as const, owed: 0 }
  const looks = { count: 0 }
  let adopt: (journal: Journal) => void = () => undefined
  const fleet = new Fleet({
    journals: {
      own,
      adopted: [],
      onAdopted: (listener) => {
        adopt = listener
        return () => undefined
      },
    },
    to,
    open: (site, journal, reader) => {
      const peer = new TestPeer()
      peers.push(peer)
      const facts = { to: site, site: 'here', writer: 1, journal, reader, peer }
      return new Shipper({ ...facts, clock, random: systemRandom, log: silentLog, background })
    },
    replay: async () => void order.push('replayed'),
    health: () => {
      looks.count++
      return [zone]
    },
    clock,
    log: silentLog,
    background,
  })
  const close = async (): Promise<void> => {
    fleet.close()
    for (const shipper of fleet) await shipper.close()
  }
  return { fleet, own, peers, order, zone, looks, adopt: (journal: Journal) => adopt(journal), close }
}

const del = (key: string) => ({ kind: 'delete', namespace: 'shop', key, stamp: BigInt(Date.now()) << 20n }) as const

describe('the shippers of a process', () => {
  it('are one for each site that is told, and none for one that is told no more', async () => {
    const left = new MemoryJournal({ clock, random: systemRandom })
    left.reader('gone')
    const { fleet, adopt, close } = fleetOf(['one', 'two'])
    expect([...fleet].map((shipper) => shipper.to)).toEqual(['one', 'two'])

    adopt(left)

    expect([...fleet].map((shipper) => shipper.to)).toEqual(['one', 'two', 'one', 'two'])
    expect(left.destinations()).toEqual(['one', 'two'])
    await close()
  })

  it('Store J6: finish what a dead process left, tell that it has ended, and retire its journal, not before', async () => {
    const left = new MemoryJournal({ clock, random: systemRandom })
    left.reader('one')
    left.append(del('a'))
    const { fleet, peers, order, zone, looks, adopt, close } = fleetOf(['one'])
    zone.owed = 1
    left.retire = async () => void order.push('retired')

    adopt(left)

    const peer = peers[1] as TestPeer
    await eventually(async () => (await peer.side.read('a')) === 'tombstone')
    await eventually(() => [...fleet].every((shipper) => shipper.debt().deletes === 0))
    // A zone of this site still lacks something of it, for all that is known, each time that somebody looks.
    const before = looks.count
    await eventually(() => looks.count > before + 30, { deadlineMs: 10_000 })
    expect(order).toEqual(['replayed'])
    zone.owed = 0

    await eventually(() => order.includes('retired'), { deadlineMs: 8_000 })
    expect(order).toEqual(['replayed', 'retired'])
    expect([...fleet]).toHaveLength(1)
    await close()
  })
})
