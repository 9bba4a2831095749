import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { startMemcached } from '../../support/servers.ts'
import { placementSet, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed } from '../bed.ts'
import { RawClient } from './open-port.ts'

describe('a gateway with Memcached ports', () => {
  let bed: Bed
  let table: string
  beforeAll(async () => {
    bed = await openBed()
    table = await bed.writeTable(
      'table',
      structure([route('/v1/**')], { services: [service('orders')] }),
      placementSet([]),
    )
  })
  afterAll(() => bed[Symbol.asyncDispose]())

  it('Store P2: a unique holds in every zone: near one dead between gets and cas', async () => {
    await using near = await startMemcached()
    await using far = await startMemcached()
    const port = await freePort()
    await using _gateway = await bed.start('onprem', {
      table: { file: table },
      cache: {
        zones: [zone('near', near.address), zone('far', far.address)],
        memory: { alone: true },
        ports: [{ listen: `127.0.0.1:${port}`, namespace: 'legacy', verbs: ['read', 'write', 'admin'] }],
      },
    })
    await using client = await RawClient.open(port)
    await eventually(async () => (await client.ask('set k 7 0 3\r\nold\r\n')) === 'STORED\r\n')
    const before = await client.ask('gets k\r\n')
    const [, unique = ''] = /^VALUE k 7 3 (\d+)\r\nold\r\nEND\r\n$/.exec(before) ?? []

    await eventually(async () =>
      /"zone":"far"[^}]*"state":"hit"/.test(await client.ask('get __tidegate__.route(get,k)\r\n')),
    )
    await near.stop()

    await eventually(async () => /"zone":"near","state":"suspect"/.test(await client.ask('get __tidegate__.zones\r\n')))
    expect(await client.ask('gets k\r\n')).toBe(before)
    expect(await client.ask(`cas k 7 0 3 ${unique}\r\nnew\r\n`)).toBe('STORED\r\n')
    expect(await client.ask(`cas k 7 0 4 ${unique}\r\nlost\r\nget k\r\n`)).toBe(
      'EXISTS\r\nVALUE k 7 3\r\nnew\r\nEND\r\n',
    )
  })

  it('each worker accepts from the same port, and one is replaced without a refused connection', async () => {
    await using memcached = await startMemcached()
    const port = await freePort()
    await using gateway = await bed.start(
      'onprem',
      {
        table: { file: table },
        home: bed.folder.file('home-workers'),
        cache: {
          zones: [zone('own', memcached.address)],
          ports: [{ listen: `127.0.0.1:${port}`, namespace: 'legacy', verbs: ['read', 'admin'] }],
        },
      },
      ['--workers', '2'],
    )
    const pid = async (): Promise<string> => {
      await using client = await RawClient.open(port)
      return /STAT pid (\d+)/.exec(await client.ask('stats\r\n'))?.[1] ?? ''
    }
    const before = new Set<string>()
    await eventually(async () => before.add(await pid()).size === 2)

    gateway.process.signal('SIGUSR2')

    const now = new Set<string>()
    await eventually(
      async () => {
        now.add(await pid())
        return [...now].filter((one) => !before.has(one)).length === 2
      },
      { deadlineMs: 60_000 },
    )
  })
})

const zone = (name: string, node: string) => ({ name, driver: 'memcached', nodes: [node] })
