import { describe, expect, it } from 'vitest'
import type { HeldNumbers } from '#routes/messages.ts'
import { Background } from '#server-kit/background.ts'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { EdgeFeed } from '../../../control-plane/tables/edge-feed.ts'
import { TableFeed } from '../../../control-plane/tables/feed.ts'
import { Members } from '../../../control-plane/tables/members.ts'
import { eventually } from '../../support/eventually.ts'
import { placement, placementSet, route, structure, tableOf } from '../../support/tables.ts'

const tableAt = (number: number) =>
  tableOf(structure([route('/a')], { number }), placementSet([placement('orders', { epoch: number })], { number }))
const running = (placements: number): HeldNumbers => ({
  structure: { number: 1, digest: '' },
  placements: { number: placements, digest: '' },
  epochs: {},
})

async function bed() {
  const feed = new TableFeed()
  const members = new Members(systemClock)
  members.put(
    {
      site: 'onprem',
      instance: 'g1',
      internalUrl: 'http://127.0.0.1:9',
      version: '',
      startedAt: 0,
      registeredAt: 0,
      writerId: 1,
    },
    running(1),
  )
  members.stream('onprem', 'g1', 1)
  feed.take(await tableAt(1))
  const edges = new EdgeFeed(feed, members, new Background(silentLog))
  return { feed, members, edges }
}

describe('what edges are offered', () => {
  it('is what was public before, until the gateways run what is new', async () => {
    const { feed, members, edges } = await bed()

    feed.take(await tableAt(2))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect([feed.placements?.number, edges.placements?.number, edges.structure?.number]).toEqual([2, 1, 1])

    members.hold('onprem', 'g1', running(2), [])
    await eventually(() => edges.placements?.number === 2 && edges.structure?.number === 2)
  })

  it('is the newest when several came meanwhile, also one that came in the very turn of an acknowledgement', async () => {
    const { feed, members, edges } = await bed()

    feed.take(await tableAt(2))
    feed.take(await tableAt(3))
    members.hold('onprem', 'g1', running(4), [])
    feed.take(await tableAt(4))

    await eventually(() => edges.placements?.number === 4)
  })

  it('is not kept back for longer than two seconds by a gateway that is silent', async () => {
    const { feed, edges } = await bed()
    const began = performance.now()

    feed.take(await tableAt(2))
    await eventually(() => edges.placements?.number === 2)

    expect(performance.now() - began).toBeGreaterThan(1_900)
    expect(performance.now() - began).toBeLessThan(3_500)
  })
})
