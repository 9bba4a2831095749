import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { connectionOptions } from '../../../gateway/auth/redis-client.ts'
import { RedisLedger } from '../../../gateway/replication/redis-ledger.ts'
import type { LaneMark, WriterRow } from '../../../gateway/replication/replication-ledger.ts'
import { replicationLedgerContract } from '../../contracts/replication-ledger.ts'
import { eventually } from '../../support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { startRedis, type TestServer } from '../../support/servers.ts'

let server: TestServer
let proxy: FaultProxy
let sites = 0

beforeAll(async () => {
  server = await startRedis()
  proxy = await startFaultProxy(server.port)
}, 30_000)
afterAll(async () => {
  await proxy.close()
  await server.stop()
})

/** As the processes of one site open it. */
async function ledgerOf(site: string, port = server.port): Promise<RedisLedger> {
  const url = `redis://127.0.0.1:${port}`
  const place = { kind: 'single', url } as const
  const access = { place, username: undefined, password: undefined, tls: false, ca: undefined }
  const redis = new Redis(url, connectionOptions(access))
  redis.on('error', () => undefined)
  await eventually(() => redis.status === 'ready')
  return new RedisLedger({ redis, site, clock: systemClock, log: silentLog })
}

const row: WriterRow = { site: 'here', place: 'p', journal: 'j', writer: 1, debt: 0, nowMs: 1_000, behindMs: 0 }
const markAt = (invalidations: number): LaneMark => ({
  journal: 'j',
  head: invalidations,
  nowMs: 1_000 + invalidations,
  invalidations,
  values: 0,
})

replicationLedgerContract('the ledger in Redis', () => ledgerOf(`contract-${sites++}`))

describe('a replication ledger in Redis', () => {
  it('is one for all processes of a site, and another for another site', async () => {
    const [one, two, other] = await Promise.all([ledgerOf('shared'), ledgerOf('shared'), ledgerOf('apart')])

    await one.note(row, 2, markAt(4))

    expect(await two.find('here', 'p', 2)).toMatchObject({ row, mark: markAt(4) })
    expect(await other.all()).toEqual([])
    await two.forget('here', 'p')
    expect((await one.all())?.length).toBe(0)
    await Promise.all([one.close(), two.close(), other.close()])
  })

  it('Store J6: goes by what this process heard while Redis is away, and sees no gap when it is back', async () => {
    const [ledger, beside] = await Promise.all([ledgerOf('away', proxy.port), ledgerOf('away')])
    await ledger.note(row, 0, markAt(1))
    await proxy.set({ kind: 'refuse' })

    expect((await ledger.find('here', 'p', 0)).mark).toEqual(markAt(1))
    await ledger.note(row, 0, markAt(2))
    expect(await ledger.all()).toBeUndefined()
    expect((await beside.find('here', 'p', 0)).mark).toEqual(markAt(1))
    await proxy.set({ kind: 'none' })

    await eventually(async () => (await ledger.all()) !== undefined)
    expect((await ledger.find('here', 'p', 0)).mark).toEqual(markAt(2))
    // Another process took the lane over meanwhile: its word is the newer one.
    await beside.note(row, 0, markAt(3))
    expect((await ledger.find('here', 'p', 0)).mark).toEqual(markAt(3))
    await Promise.all([ledger.close(), beside.close()])
  })
})
