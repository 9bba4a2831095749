import { readFileSync, writeFileSync } from 'node:fs'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { paths, type TableOffer } from '#routes/messages.ts'
import { digestOf } from '#routes/seal.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { TableRelay } from '../../../edge-worker/host/table-relay.ts'
import type { TableSource } from '../../../edge-worker/table-sources.ts'
import { makeSealer, placement, placementSet, route, type Sealer, structure } from '../../support/tables.ts'
import { type TemporaryFolder, temporaryFolder } from '../../support/temporary-folder.ts'

let sealer: Sealer
let folder: TemporaryFolder
let clock: HeldClock
let relay: TableRelay
let answer: TableSource['read']
let asked: number

beforeAll(async () => {
  sealer = await makeSealer()
})
beforeEach(async () => {
  folder = await temporaryFolder()
  clock = new HeldClock()
  asked = 0
  const first = await offer(1)
  answer = async () => first
})
afterEach(async () => {
  await relay.stop()
  await folder[Symbol.asyncDispose]()
})

async function offer(number: number): Promise<TableOffer> {
  return {
    structure: await sealer.structure(structure([route('/v1/orders/**')])),
    placements: await sealer.placements(placementSet([placement('orders', { epoch: number })], { number })),
  }
}

async function start(log = silentLog): Promise<void> {
  const source: TableSource = {
    name: 'control-plane',
    read: (...asking) => {
      asked++
      return answer(...asking)
    },
  }
  relay = new TableRelay({ source, trusted: sealer.trusted, home: folder.path, clock, log })
  await relay.start()
}

function ask(target: string, more: Record<string, string> = {}): Promise<Response> {
  return fetch(`http://${relay.address}${target}`, { headers: { authorization: `Bearer ${relay.token}`, ...more } })
}

const table = (structureHeld: number, placementsHeld: number) =>
  `${paths.edgeTable}?structure=${structureHeld}&placements=${placementsHeld}`

const numberOf = ({ placements }: TableOffer) => JSON.parse(placements?.body ?? '{}').number

describe('the table relay', () => {
  it('opens to its own children alone', async () => {
    await start()

    for (const authorization of ['', 'Bearer ', `Bearer ${relay.token}x`]) {
      expect((await ask(table(0, 0), { authorization })).status).toBe(401)
    }
    expect((await ask('/elsewhere')).status).toBe(404)
  })

  it('gives the structure only to who holds another one', async () => {
    await start()

    const parts = async (target: string) => Object.keys((await (await ask(target)).json()) as TableOffer)
    expect(await parts(table(0, 0))).toEqual(['structure', 'placements'])
    expect(await parts(table(1, 0))).toEqual(['placements'])
  })

  it('says 304 to who holds the same', async () => {
    await start()
    const { structure: held, placements } = await offer(1)
    const tag = `"${await digestOf(held?.body ?? '')}.${await digestOf(placements?.body ?? '')}"`

    expect((await ask(table(1, 1), { 'if-none-match': tag })).status).toBe(304)
  })

  it('asks the control plane again for a child when its knowledge is older than 200 ms, once for all', async () => {
    await start()
    const second = await offer(2)
    answer = async () => second

    expect(numberOf((await (await ask(table(1, 1))).json()) as TableOffer)).toBe(1)
    expect(asked).toBe(1)
    clock.advance(201)
    const answers = await Promise.all([1, 2, 3].map(async () => (await ask(table(1, 1))).json() as Promise<TableOffer>))

    expect(answers.map(numberOf)).toEqual([2, 2, 2])
    expect(asked).toBe(2)
  })

  it('starts from its disk when the control plane is away, and tells how old its knowledge is', async () => {
    await start()
    await relay.stop()
    answer = async () => ({ away: 'no answer' })
    await start()

    expect(numberOf(relay.documents)).toBe(1)
    expect(await (await ask('/status')).json()).toEqual({ refusals: [] })
  })

  it('starts without a file that is broken or was altered', async () => {
    await start()
    await relay.stop()
    const kept = readFileSync(folder.file('table.json'), 'utf8')
    answer = async () => ({ away: 'no answer' })

    for (const bad of ['{', '{}', kept.replace('onprem', 'cloud'), kept.slice(0, 200)]) {
      writeFileSync(folder.file('table.json'), bad)
      await start()
      expect(relay.documents).toEqual({})
      expect((await ask(table(0, 0))).status).toBe(503)
      await relay.stop()
    }
  })

  it('refuses an older table and tells it', async () => {
    const [newer, older] = [await offer(5), await offer(4)]
    answer = async () => newer
    await start()
    answer = async () => older
    clock.advance(1_000)
    await ask(table(1, 5))

    expect(numberOf(relay.documents)).toBe(5)
    expect(await (await ask('/status')).json()).toMatchObject({
      ageMs: 0,
      refusals: [{ because: 'older', offered: 4, held: 5 }],
    })
  })

  it('Edge E3: refuses another document of the same number, and that is an error in the log, once', async () => {
    const errors: string[] = []
    await start({ ...silentLog, error: (_, text) => errors.push(text ?? '') })
    const forked = { placements: await sealer.placements(placementSet([], { reason: 'a twin' })) }
    answer = async () => forked

    for (const _ of [1, 2, 3]) {
      clock.advance(1_000)
      await ask(table(1, 1))
    }

    expect(errors).toEqual(['table-forked'])
    expect(await (await ask('/status')).json()).toMatchObject({ refusals: [{ because: 'forked', count: 3 }] })
  })
})
