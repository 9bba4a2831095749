import { beforeAll, describe, expect, it } from 'vitest'
import type { TableOffer } from '#routes/messages.ts'
import type { EdgeTable } from '#routes/table.ts'
import { HeldTable } from '../../edge-worker/held-table.ts'
import type { TableSource } from '../../edge-worker/table-sources.ts'
import { makeSealer, placement, placementSet, route, type Sealer, structure } from '../support/tables.ts'

let sealer: Sealer
let one: TableOffer
beforeAll(async () => {
  sealer = await makeSealer()
  one = await offer(1)
})

async function offer(number: number, epoch = number): Promise<TableOffer> {
  return {
    structure: await sealer.structure(structure([route('/v1/orders/**')])),
    placements: await sealer.placements(placementSet([placement('orders', { epoch })], { number })),
  }
}

/** One isolate: its clock moves by hand, its source answers what and when the test says. */
class Isolate {
  nowMs = 1_000_000
  asked = 0
  readonly kept: Promise<unknown>[] = []
  readonly pauses: { ms: number; pass: () => void }[] = []
  answer: TableSource['read'] = async () => 'unchanged'
  readonly table: HeldTable

  constructor(bundle: TableOffer, hasSource = true) {
    const source: TableSource = {
      name: 'supervisor',
      read: (held, deadline) => {
        this.asked++
        return this.answer(held, deadline)
      },
    }
    this.table = new HeldTable(bundle, hasSource ? source : undefined, sealer.trusted, {
      now: () => this.nowMs,
      pause: (ms) => new Promise((pass) => this.pauses.push({ ms, pass })),
    })
  }

  /** A request, and what its platform keeps running after the answer. */
  request(): Promise<EdgeTable | undefined> {
    return this.table.current((work) => this.kept.push(work))
  }

  noticed(placements: number): void {
    this.table.noticed({ structure: 1, placements }, (work) => this.kept.push(work))
  }

  async settled(): Promise<void> {
    await Promise.all(this.kept)
  }

  /** A warm isolate on table 1 whose soft age has passed. */
  static async warm(): Promise<Isolate> {
    const isolate = new Isolate(one)
    await isolate.request()
    await isolate.settled()
    isolate.nowMs += 1_000
    isolate.asked = 0
    return isolate
  }
}

const numberOf = (table: EdgeTable | undefined) => table?.placements.number
const never = () => new Promise<never>(() => undefined)

describe('a cold isolate', () => {
  it('starts with what is newer at the source than in its bundle', async () => {
    const isolate = new Isolate(one)
    isolate.answer = () => offer(5)

    expect(numberOf(await isolate.request())).toBe(5)
    expect(isolate.table.from).toBe('supervisor')
  })

  it('waits 50 ms at most, and takes a later answer all the same', async () => {
    const isolate = new Isolate(one)
    const answer = Promise.withResolvers<TableOffer>()
    isolate.answer = () => answer.promise

    const first = isolate.request()
    await expect.poll(() => isolate.pauses.map(({ ms }) => ms)).toEqual([50])
    isolate.pauses[0]?.pass()

    expect(numberOf(await first)).toBe(1)
    answer.resolve(await offer(5))
    await isolate.settled()
    expect(numberOf(isolate.table.table)).toBe(5)
  })

  it('lets only its first request wait: the others use the bundle meanwhile', async () => {
    const isolate = new Isolate(one)
    isolate.answer = never

    void isolate.request()
    await expect.poll(() => isolate.pauses.length).toBe(1)

    expect(numberOf(await isolate.request())).toBe(1)
    expect(isolate.asked).toBe(1)
  })

  it('serves from its bundle when there is no source at all', async () => {
    expect(numberOf(await new Isolate(one, false).request())).toBe(1)
  })

  it('has no table when neither bundle nor source has a good one, and goes on asking', async () => {
    const isolate = new Isolate({})
    isolate.answer = async () => ({ away: 'no answer' })

    expect(await isolate.request()).toBeUndefined()
    isolate.nowMs += 1_000
    isolate.answer = () => offer(3)
    await isolate.request()
    await isolate.settled()

    expect(numberOf(await isolate.request())).toBe(3)
  })
})

describe('a warm isolate', () => {
  it('never waits for the source (E1: the answer is given before the refresh ends)', async () => {
    const isolate = await Isolate.warm()
    isolate.answer = never

    expect(numberOf(await isolate.request())).toBe(1)
    expect(isolate.asked).toBe(1)
  })

  it('asks once a second, however many requests come', async () => {
    const isolate = await Isolate.warm()

    await Promise.all(Array.from({ length: 50 }, () => isolate.request()))
    await isolate.settled()
    isolate.nowMs += 999
    await isolate.request()
    expect(isolate.asked).toBe(1)

    isolate.nowMs += 1
    await isolate.request()
    expect(isolate.asked).toBe(2)
  })

  it('asks again 2 s after a refresh that was cancelled with its request and never said so (E1)', async () => {
    const isolate = await Isolate.warm()
    isolate.answer = never
    await isolate.request()

    isolate.nowMs += 1_999
    await isolate.request()
    expect(isolate.asked).toBe(1)

    isolate.nowMs += 1
    await isolate.request()
    expect(isolate.asked).toBe(2)
  })

  it('serves on when the source is away, and its age tells (E7)', async () => {
    const isolate = await Isolate.warm()
    isolate.answer = async () => ({ away: 'no answer' })

    for (let second = 0; second < 60; second++) {
      expect(numberOf(await isolate.request())).toBe(1)
      await isolate.settled()
      isolate.nowMs += 1_000
    }

    expect(isolate.asked).toBe(60)
    expect(isolate.table.ageMs).toBe(61_000)
  })

  it('takes the age after the answer has come (E4)', async () => {
    const isolate = await Isolate.warm()
    isolate.answer = async () => {
      isolate.nowMs += 300
      return 'unchanged'
    }
    await isolate.request()
    await isolate.settled()

    expect(isolate.table.ageMs).toBe(0)
  })
})

describe('a gateway that knows a higher number', () => {
  it('makes the isolate refresh at once, at most ten times a second', async () => {
    const isolate = await Isolate.warm()
    await isolate.request()
    await isolate.settled()
    isolate.nowMs += 100
    isolate.answer = () => offer(4)

    isolate.noticed(4)
    await isolate.settled()
    expect(numberOf(isolate.table.table)).toBe(4)
    expect(isolate.asked).toBe(2)

    isolate.noticed(9)
    isolate.nowMs += 99
    isolate.noticed(9)
    expect(isolate.asked).toBe(2)
    isolate.nowMs += 1
    isolate.noticed(9)
    expect(isolate.asked).toBe(3)
  })

  it('changes nothing when its number is not higher', async () => {
    const isolate = await Isolate.warm()

    isolate.noticed(1)

    expect(isolate.asked).toBe(0)
  })
})

describe('numbers in memory never fall (E2, E3)', () => {
  it('refuses an older table, keeps the newer one and says so', async () => {
    const isolate = new Isolate(await offer(8))
    isolate.answer = () => offer(7)

    expect(numberOf(await isolate.request())).toBe(8)
    expect(isolate.table.refusals).toMatchObject([
      { kind: 'placements', because: 'older', offered: 7, held: 8, count: 1 },
    ])
  })

  it('refuses an epoch that falls under a higher number', async () => {
    const isolate = new Isolate(await offer(8))
    isolate.answer = () => offer(9, 3)

    expect(numberOf(await isolate.request())).toBe(8)
    expect(isolate.table.refusals).toMatchObject([{ because: 'epoch-falls' }])
  })

  it('refuses another document of the same number', async () => {
    const isolate = new Isolate(await offer(8))
    isolate.answer = () => offer(8, 9)

    expect(numberOf(await isolate.request())).toBe(8)
    expect(isolate.table.refusals).toMatchObject([{ because: 'forked' }])
  })

  it('keeps the newer of two answers whichever is verified last', async () => {
    const isolate = await Isolate.warm()
    const [slow, fast] = [Promise.withResolvers<TableOffer>(), Promise.withResolvers<TableOffer>()]
    isolate.answer = () => slow.promise
    await isolate.request()
    isolate.nowMs += 2_000
    isolate.answer = () => fast.promise
    await isolate.request()

    // Both begin to verify against table 1 before either has ended.
    const [older, newer] = [await offer(5), await offer(6)]
    fast.resolve(newer)
    slow.resolve(older)
    await isolate.settled()

    expect(numberOf(isolate.table.table)).toBe(6)
  })

  it('keeps what it holds when the signature is wrong, and counts each time', async () => {
    const isolate = await Isolate.warm()
    const forged = await offer(9)
    const { placements } = forged
    if (placements === undefined) throw new Error('the test made no placements')
    isolate.answer = async () => ({ placements: { ...placements, body: placements.body.replace('onprem', 'cloud') } })

    for (const _ of [1, 2]) {
      await isolate.request()
      await isolate.settled()
      isolate.nowMs += 1_000
    }

    expect(numberOf(isolate.table.table)).toBe(1)
    expect(isolate.table.refusals).toMatchObject([{ because: 'signature-wrong', count: 2 }])
  })
})
