import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { choosePorts, everyPort, isFree, portsAt, wantedBase } from '../../../../control-plane/cli/local/ports.ts'

describe('ports', () => {
  it('have the documented offsets', () => {
    const { console, internal, edge, sites } = portsAt(17_000)

    expect([console, internal, edge]).toEqual([17_000, 17_001, 17_080])
    expect(sites.onprem).toMatchObject({ public: 17_101, internal: 17_102, services: 17_150 })
    expect(sites.cloud).toMatchObject({ public: 17_201, internal: 17_202, services: 17_250 })
  })

  it('never meet one another, nor those of a system one step away', () => {
    const both = [...everyPort(portsAt(17_000, 2)), ...everyPort(portsAt(18_000, 2))]

    expect(new Set(both).size).toBe(both.length)
  })

  it('stay where they are wanted when all are free', async () => {
    expect(await choosePorts(20_000, async () => true)).toEqual({ ports: portsAt(20_000) })
  })

  it('all move when one is taken, and the taken one is told', async () => {
    const { ports, taken } = await choosePorts(20_000, async (port) => port !== 20_201 && port !== 21_000)

    expect({ base: ports.base, taken }).toEqual({ base: 22_000, taken: 20_201 })
  })

  it('are refused with a reason when there is no free base', async () => {
    await expect(choosePorts(60_000, async () => false)).rejects.toMatchObject({ code: 'ports-taken' })
  })

  it('are taken while somebody listens', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo

    expect(await isFree(port)).toBe(false)
    server.close()
    await once(server, 'close')
    expect(await isFree(port)).toBe(true)
  })
})

describe('TIDEGATE_PORT_BASE', () => {
  it('is optional', () => {
    expect(wantedBase(undefined)).toBeUndefined()
    expect(wantedBase('')).toBeUndefined()
    expect(wantedBase('18000')).toBe(18_000)
  })

  it.each(['80', '70000', '17e3x', '17000.5'])('of %s is refused with the range', (text) => {
    expect(() => wantedBase(text)).toThrow(/1024 to 64000/)
  })
})
