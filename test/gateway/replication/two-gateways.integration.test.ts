import { hash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CacheDebtReport } from '#routes/messages.ts'
import { eventually } from '../../support/eventually.ts'
import { type FaultProxy, startFaultProxy } from '../../support/fault-proxy.ts'
import { freePort } from '../../support/free-port.ts'
import { startMemcached, startRedis, type TestServer } from '../../support/servers.ts'
import { placementSet, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

let bed: Bed
let onprem: RunningGateway
let cloud: RunningGateway
let servers: readonly TestServer[] = []
/** On the way from onprem to cloud. */
let link: FaultProxy
const token = 'monolith-token'
const authorization = `Bearer ${token}`

beforeAll(async () => {
  bed = await openBed()
  await bed.writeTable('table', structure([]), placementSet([]))
  const client = {
    name: 'monolith',
    sha256: hash('sha256', token, 'hex'),
    namespaces: ['*'],
    verbs: ['read', 'write', 'delete'],
  }
  const [nearA, nearB, far, redisHere, redisThere] = await Promise.all([
    startMemcached(),
    startMemcached(),
    startMemcached(),
    startRedis(),
    startRedis(),
  ])
  servers = [nearA, nearB, far, redisHere, redisThere]
  const zones = { onprem: [nearA, nearB], cloud: [far] }
  const redis = { onprem: redisHere, cloud: redisThere }
  const ports = { onprem: await freePort(), cloud: await freePort() }
  link = await startFaultProxy(ports.cloud)
  const peerPorts = { onprem: ports.onprem, cloud: link.port }
  const yamlOf = (site: 'onprem' | 'cloud', other: 'onprem' | 'cloud') => ({
    listen: { public: '127.0.0.1:0', internal: `127.0.0.1:${ports[site]}` },
    peers: { [other]: { public: 'http://127.0.0.1:1', internal: `http://127.0.0.1:${peerPorts[other]}` } },
    table: { file: 'table' },
    cache: {
      zones: zones[site].map(({ address }, at) => ({ name: `zone-${at}`, driver: 'memcached', nodes: [address] })),
      doubleWrite: { to: [other] },
      clients: [client],
      readDeadline: '2s',
      events: { redis: `redis://${redis[site].address}` },
    },
  })
  const [one, two] = await Promise.all([
    bed.start('onprem', yamlOf('onprem', 'cloud')),
    bed.start('cloud', yamlOf('cloud', 'onprem')),
  ])
  onprem = one
  cloud = two
}, 30_000)

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await link.close()
  await Promise.all(servers.map((server) => server.stop()))
})

const ask = (gateway: RunningGateway, method: string, key: string, body?: string) =>
  fetch(`${gateway.internal}/cache/v1/shop/${key}`, {
    method,
    headers: { authorization },
    ...(body === undefined ? {} : { body }),
  })
const debtOf = async (gateway: RunningGateway): Promise<CacheDebtReport> =>
  (await (await gateway.ask('/gateway/v1/cache/debt')).json()) as CacheDebtReport
const read = async (gateway: RunningGateway, key: string): Promise<string> => {
  const answer = await ask(gateway, 'GET', key)
  return answer.status === 200 ? answer.text() : `${answer.status}`
}

describe('two gateways that double-write', () => {
  it('have what was written at either site, and lose what was deleted at either', async () => {
    // A zone on a busy machine may be late: then the write is to be sent again.
    await eventually(async () => (await ask(onprem, 'PUT', 'a', 'from onprem')).ok)
    await eventually(async () => (await read(cloud, 'a')) === 'from onprem')

    await eventually(async () => (await ask(cloud, 'PUT', 'a', 'from cloud')).ok)
    await eventually(async () => (await read(onprem, 'a')) === 'from cloud')

    await eventually(async () => (await ask(onprem, 'DELETE', 'a')).ok)
    await eventually(async () => (await read(cloud, 'a')) === '404')
  })

  it('Store J7: do not read what the other one may have taken away while it is not heard, and tell what they owe', async () => {
    await eventually(async () => (await ask(onprem, 'PUT', 'b', 'old')).ok)
    await eventually(async () => (await read(cloud, 'b')) === 'old')
    await link.set({ kind: 'refuse' })

    await eventually(async () => (await ask(onprem, 'DELETE', 'b')).ok)

    await eventually(async () => (await read(cloud, 'b')) === '404', { deadlineMs: 8_000 })
    expect(await debtOf(onprem)).toMatchObject({
      destinations: [{ to: 'cloud', invalidations: 1, namespaces: { shop: 1 } }],
    })
    expect(await debtOf(cloud)).toMatchObject({ writers: [{ site: 'onprem', state: 'silent' }] })
    await link.set({ kind: 'none' })
    await eventually(async () => (await debtOf(cloud)).writers[0]?.state === 'heard', { deadlineMs: 8_000 })
    expect(await debtOf(onprem)).toMatchObject({ destinations: [{ to: 'cloud', invalidations: 0, oldestAgeMs: 0 }] })
    expect(await read(cloud, 'b')).toBe('404')
    // Nothing was lost, so that nothing was given up.
    await eventually(async () => (await ask(onprem, 'PUT', 'b', 'new')).ok)
    await eventually(async () => (await read(cloud, 'b')) === 'new')
  })

  it('Store J1: bring what was answered to the other site, though the process was killed before it was told', async () => {
    await eventually(async () => (await ask(onprem, 'PUT', 'c', 'old')).ok)
    await eventually(async () => (await read(cloud, 'c')) === 'old')
    await link.set({ kind: 'refuse' })
    await eventually(async () => (await ask(onprem, 'DELETE', 'c')).ok)
    await eventually(async () => (await ask(onprem, 'PUT', 'd', 'written')).ok)

    await onprem.process.stop('SIGKILL')
    await link.set({ kind: 'none' })
    onprem = await bed.restart(onprem)

    await eventually(async () => (await read(cloud, 'd')) === 'written', { deadlineMs: 10_000 })
    expect(await read(cloud, 'c')).toBe('404')
    expect([await read(onprem, 'c'), await read(onprem, 'd')]).toEqual(['404', 'written'])
  })

  it('Store J6: say when they end that nothing more will come, so that nobody waits for them', async () => {
    await eventually(async () => (await debtOf(cloud)).writers.length === 1)
    await eventually(async () => (await debtOf(onprem)).destinations[0]?.invalidations === 0)

    await onprem.process.stop()

    await eventually(async () => (await debtOf(cloud)).writers.length === 0)
  })
})
