import { beforeAll, describe, expect, it, vi } from 'vitest'
import type { RefusalReason, TableOffer, TableOrigin } from '#routes/messages.ts'
import { type SealedDocument, seal } from '#routes/seal.ts'
import { type EdgeTable, limits } from '#routes/table.ts'
import type { Away, TableSource } from '../../edge-worker/table-sources.ts'
import { makeSealer, placement, placementSet, route, type Sealer, structure } from '../support/tables.ts'
import { HeldIsolate } from './held-isolate.ts'

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

class Isolate extends HeldIsolate {
  constructor(bundle: TableOffer, more: readonly TableSource[] | 'no source' = []) {
    super(bundle, sealer.trusted, more)
  }

  /** On table 1, whose soft age has passed. */
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
  it('Edge E2: starts with what is newer at the source than in its bundle', async () => {
    const isolate = new Isolate(one)
    isolate.answer = () => offer(5)

    expect(numberOf(await isolate.request())).toBe(5)
    expect(isolate.table.from).toBe('supervisor')
  })

  it('Edge E2: waits 50 ms at most, and takes a later answer all the same', async () => {
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

  it('Edge E2: lets only its first request wait: the others use the bundle meanwhile', async () => {
    const isolate = new Isolate(one)
    isolate.answer = never

    void isolate.request()
    await expect.poll(() => isolate.pauses.length).toBe(1)

    expect(numberOf(await isolate.request())).toBe(1)
    expect(isolate.asked).toBe(1)
  })

  it('serves from its bundle when there is no source at all', async () => {
    expect(numberOf(await new Isolate(one, 'no source').request())).toBe(1)
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

describe('a cold isolate with several sources', () => {
  /** A source beside the first: what it gives, how often it was asked, and what it was told to keep. */
  function beside(name: TableOrigin, answer: () => Promise<TableOffer | Away>) {
    const kept: EdgeTable[] = []
    const source = { name, asked: 0, kept, keep: async (table: EdgeTable) => kept.push(table) }
    return Object.assign(source, {
      read: () => {
        source.asked++
        return answer()
      },
    })
  }
  const away = async (): Promise<Away> => ({ away: 'no answer' })

  it('Edge E2: takes the best of all, whichever answers last', async () => {
    const late = Promise.withResolvers<TableOffer>()
    const isolate = new Isolate(one, [beside('colo-cache', () => late.promise), beside('kv', () => offer(3))])
    isolate.answer = away

    const first = isolate.request()
    await expect.poll(() => isolate.table.from).toBe('kv')
    late.resolve(await offer(5))

    expect(numberOf(await first)).toBe(5)
    expect(isolate.table.from).toBe('colo-cache')
    expect(isolate.table.ageMs).toBeUndefined()
  })

  it('Edge E3: keeps the newest when an older one is verified after it', async () => {
    const late = Promise.withResolvers<TableOffer>()
    const isolate = new Isolate(one, [beside('kv', () => late.promise)])
    isolate.answer = () => offer(7)

    const first = isolate.request()
    await expect.poll(() => isolate.table.from).toBe('supervisor')
    late.resolve(await offer(6))

    expect(numberOf(await first)).toBe(7)
    expect(isolate.table.from).toBe('supervisor')
  })

  it('asks them all at once, and later the first alone', async () => {
    const [colo, kv] = [beside('colo-cache', away), beside('kv', away)]
    const isolate = new Isolate(one, [colo, kv])

    for (const _ of [1, 2, 3]) {
      await isolate.request()
      await isolate.settled()
      isolate.nowMs += 1_000
    }

    expect([isolate.asked, colo.asked, kv.asked]).toEqual([3, 1, 1])
  })

  it('Edge E2: waits 50 ms in all when none of them answers, and not once more', async () => {
    const isolate = new Isolate(one, [beside('colo-cache', never), beside('kv', never)])
    isolate.answer = never

    const first = isolate.request()
    await expect.poll(() => isolate.pauses.map(({ ms }) => ms)).toEqual([50])
    isolate.pauses[0]?.pass()
    expect(numberOf(await first)).toBe(1)

    isolate.nowMs += 10_000
    expect(numberOf(await isolate.request())).toBe(1)
    expect(isolate.pauses).toHaveLength(1)
  })

  it('Edge E1: asks them all again when the request that asked was cancelled', async () => {
    const answers = [never, () => offer(4)]
    const kv = beside('kv', () => (answers.shift() ?? away)())
    const isolate = new Isolate(one, [kv])
    isolate.answer = never
    const cancelled = isolate.request()
    await expect.poll(() => isolate.pauses.length).toBe(1)
    isolate.pauses[0]?.pass()
    await cancelled

    isolate.nowMs += 2_000
    await isolate.request()
    await expect.poll(() => isolate.table.from).toBe('kv')

    expect(kv.asked).toBe(2)
  })

  it('Edge E2: goes on asking them all until one has answered, so that a slow start leaves it on no old script', async () => {
    const answers = [away, away, () => offer(4)]
    const kv = beside('kv', () => (answers.shift() ?? away)())
    const isolate = new Isolate(one, [kv])
    isolate.answer = away

    for (const _ of [1, 2, 3, 4, 5]) {
      await isolate.request()
      await isolate.settled()
      isolate.nowMs += 1_000
    }

    expect([isolate.asked, kv.asked]).toEqual([5, 3])
    expect(numberOf(isolate.table.table)).toBe(4)
  })

  it('gives what the first source taught it to the others to keep, and nothing else', async () => {
    const [colo, kv] = [beside('colo-cache', away), beside('kv', () => offer(3))]
    const isolate = new Isolate(one, [colo, kv])
    await isolate.request()
    await isolate.settled()
    expect(colo.kept).toEqual([])

    isolate.nowMs += 1_000
    isolate.answer = () => offer(4)
    await isolate.request()
    await isolate.settled()
    isolate.nowMs += 1_000
    await isolate.request()
    await isolate.settled()

    expect(colo.kept.map(numberOf)).toEqual([4])
  })

  it('gives up a source that never answers after 800 ms, so that the next refresh is not kept from beginning', async () => {
    const isolate = new Isolate(one, [beside('kv', never)])
    isolate.answer = never
    const first = isolate.request()
    await expect.poll(() => isolate.pauses.length).toBe(1)
    isolate.pauses[0]?.pass()
    await first

    await isolate.settled()
    isolate.nowMs += 1_000
    await isolate.request()

    expect(isolate.asked).toBe(2)
  })
})

describe('a warm isolate', () => {
  it('Edge E1: never waits for the source: the answer is given before the refresh ends', async () => {
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

  it('Edge E1: asks again 2 s after a refresh that was cancelled with its request and never said so', async () => {
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

  it('Edge E7: serves on when the source is away, and its age tells', async () => {
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

  it('Edge E4: takes the age after the answer has come', async () => {
    const isolate = await Isolate.warm()
    isolate.answer = async () => {
      isolate.nowMs += 300
      return {}
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

    expect(isolate.shares.slice(-2)).toEqual([true, false])

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

describe('numbers in memory never fall', () => {
  it('Edge E3: refuses an older table, keeps the newer one and says so', async () => {
    const isolate = new Isolate(await offer(8))
    isolate.answer = () => offer(7)

    expect(numberOf(await isolate.request())).toBe(8)
    expect(isolate.table.refusals).toMatchObject([
      { kind: 'placements', because: 'older', offered: 7, held: 8, count: 1 },
    ])
  })

  it('Edge E3: refuses an epoch that falls under a higher number', async () => {
    const isolate = new Isolate(await offer(8))
    isolate.answer = () => offer(9, 3)

    expect(numberOf(await isolate.request())).toBe(8)
    expect(isolate.table.refusals).toMatchObject([{ because: 'epoch-falls' }])
  })

  it('Edge E3: refuses another document of the same number each time, and cries out once', async () => {
    using cry = vi.spyOn(console, 'error').mockReturnValue()
    const isolate = new Isolate(await offer(8))
    isolate.answer = () => offer(8, 9)

    for (const _ of [1, 2, 3]) {
      expect(numberOf(await isolate.request())).toBe(8)
      await isolate.settled()
      isolate.nowMs += 1_000
    }

    expect(isolate.table.refusals).toMatchObject([{ because: 'forked', offered: 8, count: 3 }])
    expect(cry.mock.calls).toEqual([['table-forked', [{ kind: 'placements', because: 'forked', offered: 8, held: 8 }]]])
  })

  it('Edge E3: keeps the newer of two answers whichever is verified last', async () => {
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

  it.each<[RefusalReason, () => Promise<unknown>]>([
    ['malformed', () => seal('placements', '{"number":9}', sealer.signing)],
    ['oversize', async () => ({ ...(await offer(9)).placements, body: ' '.repeat(limits.placementsChars + 1) })],
    ['key-unknown', async () => ({ ...(await offer(9)).placements, keyId: 'somebody' })],
    ['signature-wrong', async () => ({ ...(await offer(9)).placements, signature: 'A'.repeat(86) })],
    ['older', async () => (await offer(1)).placements],
    ['epoch-falls', async () => (await offer(9, 1)).placements],
    [
      'structure-missing',
      () =>
        sealer.placements(
          placementSet([placement('orders', { epoch: 9 })], { number: 9, structure: { min: 5, max: 9 } }),
        ),
    ],
    [
      'grew-too-much',
      () =>
        sealer.placements(
          placementSet([placement('orders', { epoch: 9 })], { number: 9, reason: 'x'.repeat(2 * 1024 * 1024) }),
        ),
    ],
  ])(
    'Edge E7: keeps the good table when the next is bad (%s), counts it, and takes the good one that follows',
    async (because, bad) => {
      const isolate = new Isolate(await offer(8))
      isolate.answer = async () => ({ placements: (await bad()) as SealedDocument })

      expect(numberOf(await isolate.request())).toBe(8)
      expect(isolate.table.refusals).toMatchObject([{ kind: 'placements', because, count: 1, at: isolate.nowMs }])

      await isolate.settled()
      isolate.nowMs += 1_000
      isolate.answer = () => offer(10)
      await isolate.request()
      await isolate.settled()
      expect(numberOf(isolate.table.table)).toBe(10)
    },
  )

  it('Edge E7: keeps the good structure when the next lost a fifth of its routes', async () => {
    const routes = Array.from({ length: 100 }, (_, at) => route(`/v1/${at}/**`))
    const isolate = new Isolate({ ...one, structure: await sealer.structure(structure(routes)) })
    isolate.answer = async () => ({ structure: await sealer.structure(structure(routes.slice(21), { number: 2 })) })

    expect((await isolate.request())?.structure.value.routes).toHaveLength(100)
    expect(isolate.table.refusals).toMatchObject([
      { kind: 'structure', because: 'shrank-too-much', offered: 2, held: 1 },
    ])
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
