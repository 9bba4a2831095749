import { rm, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { type Log, silentLog } from '#server-kit/log.ts'
import { KeptTable } from '../../../gateway/fence/kept-table.ts'
import { eventually } from '../../support/eventually.ts'
import { placement, placementSet, route, structure, tableOf } from '../../support/tables.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const table = (number: number) => tableOf(structure([route('/v1/**')]), placementSet([placement('orders')], { number }))

describe('the kept table', () => {
  it('is the newest of many that came at once, in two writes', async () => {
    await using folder = await temporaryFolder()
    const kept = new KeptTable(folder.file('table.json'), silentLog)
    const tables = await Promise.all([1, 2, 3, 4, 5].map(table))

    const waits = tables.map((one) => kept.keep(one))

    // Whoever came while one was written waits for the same next write: a slow disk gathers no queue.
    expect(new Set(waits).size).toBe(1)
    await Promise.all(waits)
    expect((await kept.read())?.placements).toEqual(tables[4]?.placements.sealed)
  })

  it('gets on the disk as soon as that has room, and tells of the outage once', async () => {
    await using folder = await temporaryFolder()
    const told: string[] = []
    const tell = (_: object, text: string) => void told.push(text)
    const log: Log = { ...silentLog, error: tell, info: tell }
    const home = folder.file('home')
    // Nothing can be made below a file: as little as on a full disk.
    await writeFile(home, '')
    const kept = new KeptTable(`${home}/table.json`, log, 5)
    const newest = await table(2)

    const keeping = kept.keep(await table(1))
    await eventually(() => told.length === 1)
    void kept.keep(newest)
    await new Promise((resolve) => setTimeout(resolve, 30))
    await rm(home)
    await keeping

    expect((await kept.read())?.placements).toEqual(newest.placements.sealed)
    expect(told).toEqual(['the table is not kept: a restart would begin with an older one', 'the table is kept again'])
  })
})
