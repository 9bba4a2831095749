import { describe, expect, it } from 'vitest'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { TableHolder } from '../../../gateway/fence/table-holder.ts'
import { makeSealer, placement, placementSet, route, structure } from '../../support/tables.ts'

const sealer = await makeSealer()
const offerOf = async (number: number) => ({
  structure: await sealer.structure(structure([route('/v1/**')])),
  placements: await sealer.placements(placementSet([placement('orders', { epoch: number })], { number })),
})
const holderOf = () => new TableHolder({ trusted: () => sealer.trusted, clock: new HeldClock(), log: silentLog })

describe('the table in force', () => {
  it('is the newest of offers that came at once, in whatever order', async () => {
    const holder = holderOf()
    const offers = await Promise.all([3, 1, 2].map(offerOf))

    await Promise.all(offers.map((offer) => holder.offer(offer)))

    expect(holder.current?.placements.number).toBe(3)
    expect(holder.refusals.map(({ because, offered }) => [because, offered])).toEqual([
      ['older', 1],
      ['older', 2],
    ])
  })

  it('tells a refusal that comes again once, with its count', async () => {
    const holder = holderOf()
    await holder.offer(await offerOf(2))

    for (let time = 0; time < 3; time++) await holder.offer(await offerOf(1))

    expect(holder.refusals).toMatchObject([{ because: 'older', count: 3 }])
  })

  it('remembers at most fifty refusals', async () => {
    const holder = holderOf()
    await holder.offer(await offerOf(100))

    for (let number = 1; number <= 60; number++) await holder.offer({ placements: (await offerOf(number)).placements })

    expect(holder.refusals).toHaveLength(50)
    expect(holder.refusals.at(-1)?.offered).toBe(60)
  })
})

describe('a request that waits for a table', () => {
  it('gets it with the swap, after asking for it', async () => {
    const holder = holderOf()
    let asked = 0
    holder.refresh = () => asked++
    const waiting = holder.waitFor((table) => table.placements.number >= 2, 5_000)

    await holder.offer(await offerOf(1))
    expect(holder.waiting).toBe(1)
    await holder.offer(await offerOf(2))

    expect((await waiting)?.placements.number).toBe(2)
    expect([asked, holder.waiting]).toEqual([1, 0])
  })

  it('goes on without it when its time is over or its client is gone', async () => {
    const holder = holderOf()
    let abandon = () => {}

    expect(await holder.waitFor(() => true, 5)).toBeUndefined()
    const left = holder.waitFor(
      () => true,
      60_000,
      (leave) => {
        abandon = leave
      },
    )
    abandon()

    expect(await left).toBeUndefined()
    expect(holder.waiting).toBe(0)
  })

  it('does not wait beside a thousand others', async () => {
    const holder = holderOf()
    const abandons: (() => void)[] = []
    for (let at = 0; at < 1_000; at++)
      void holder.waitFor(
        () => true,
        60_000,
        (leave) => abandons.push(leave),
      )

    expect(await holder.waitFor(() => true, 60_000)).toBeUndefined()
    for (const abandon of abandons) abandon()
  })
})
