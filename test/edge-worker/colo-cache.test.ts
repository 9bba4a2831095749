import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TableOffer } from '#routes/messages.ts'
import type { EdgeTable } from '#routes/table.ts'
import { type ColoCache, coloSources } from '../../edge-worker/colo-cache.ts'
import { documentsOf } from '../../edge-worker/table-offer.ts'
import type { Away, TableSource } from '../../edge-worker/table-sources.ts'
import { makeSealer, placementSet, route, structure, tableOf } from '../support/tables.ts'

let table: EdgeTable
let newer: TableOffer
beforeAll(async () => {
  const sealer = await makeSealer()
  table = await tableOf(structure([route('/v1/orders/**')]), placementSet([], { number: 9 }), sealer)
  newer = { placements: await sealer.placements(placementSet([], { number: 10 })) }
})

/** The cache of one colo: it keeps what it is given for as long as it is told, by a clock that a test moves. */
class Colo implements ColoCache {
  nowMs = 0
  broken = false
  hangs = false
  readonly #kept = new Map<string, { text: string; until: number }>()

  async match(key: string): Promise<Response | undefined> {
    if (this.broken) throw new Error('the cache is away')
    if (this.hangs) await new Promise(() => undefined)
    const kept = this.#kept.get(key)
    return kept !== undefined && this.nowMs < kept.until ? new Response(kept.text) : undefined
  }

  async put(key: string, answer: Response): Promise<void> {
    if (this.broken) throw new Error('the cache is away')
    if (this.hangs) await new Promise(() => undefined)
    const seconds = Number(/^max-age=(\d+)$/.exec(answer.headers.get('cache-control') ?? '')?.[1])
    this.#kept.set(key, { text: await answer.text(), until: this.nowMs + seconds * 1_000 })
  }

  /** What any client of the zone could ask for. */
  get hosts(): string[] {
    return [...this.#kept.keys()].map((key) => new URL(key).hostname)
  }
}

let colo: Colo
let asked: number
let answer: TableOffer | Away
beforeEach(() => {
  colo = new Colo()
  asked = 0
  answer = {}
})

/** The two sources of one isolate in the colo. */
function isolate(environment = 'production'): [controlPlane: TableSource, kept: TableSource] {
  const controlPlane: TableSource = {
    name: 'control-plane',
    read: async () => {
      asked++
      return answer
    },
  }
  return coloSources(controlPlane, colo, environment) as [TableSource, TableSource]
}

async function read(source: TableSource, { cold = false, behind = false } = {}): Promise<TableOffer | Away> {
  const kept: Promise<unknown>[] = []
  const share = behind ? undefined : (work: Promise<unknown>) => void kept.push(work)
  const offer = await source.read(cold ? undefined : table, AbortSignal.timeout(1_000), share)
  if (!colo.hangs) await Promise.all(kept)
  return offer
}

describe('the control plane as a colo asks it', () => {
  it('is asked once a second by all isolates that hold the same table', async () => {
    answer = newer
    const isolates = Array.from({ length: 20 }, () => isolate()[0])

    for (const source of isolates) expect(await read(source)).toEqual(newer)
    expect(asked).toBe(1)

    colo.nowMs += 1_000
    answer = {}
    for (const source of isolates) expect(await read(source)).toEqual({})
    expect(asked).toBe(2)
  })

  it('is asked by itself for who holds another table, or is in another environment', async () => {
    await read(isolate()[0])
    await read(isolate()[0], { cold: true })
    await read(isolate('staging')[0])

    expect(asked).toBe(3)
  })

  it('is asked by who is behind, whatever the colo learnt a moment ago', async () => {
    await read(isolate()[0])
    answer = newer

    expect(await read(isolate()[0], { behind: true })).toEqual(newer)
    expect(asked).toBe(2)
  })

  it('is asked again at once when it was away: no absence is kept', async () => {
    answer = { away: 'no answer' }
    expect(await read(isolate()[0])).toEqual(answer)
    await read(isolate()[0])

    expect(asked).toBe(2)
  })

  it('is asked all the same when the cache is away', async () => {
    colo.broken = true
    answer = newer

    expect(await read(isolate()[0])).toEqual(newer)
  })
})

it('a cache that hangs keeps nobody from the control plane', async () => {
  colo.hangs = true
  answer = newer

  expect(await read(isolate()[0])).toEqual(newer)
})

describe('the table that a colo learnt last', () => {
  it('Edge E2: is what a new isolate finds there, whole, a day long', async () => {
    await isolate()[1].keep?.(table)

    colo.nowMs += 86_399_000
    expect(await read(isolate()[1], { cold: true })).toEqual(documentsOf(table))
    colo.nowMs += 1_000
    expect(await read(isolate()[1])).toHaveProperty('away')
  })

  it('is not that of another environment', async () => {
    await isolate()[1].keep?.(table)

    expect(await read(isolate('staging')[1])).toHaveProperty('away')
  })

  it('Edge E7: is none when the cache is away, and nobody hears of it', async () => {
    colo.broken = true

    await isolate()[1].keep?.(table)
    expect(await read(isolate()[1])).toEqual({ away: 'Error: the cache is away' })
  })

  it('stands under a name that no client can ask for', async () => {
    await isolate()[1].keep?.(table)
    await read(isolate()[0])

    expect(new Set(colo.hosts)).toEqual(new Set(['tidegate.invalid']))
  })
})
