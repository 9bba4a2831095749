import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed } from '../bed.ts'

const shipped = join(import.meta.dirname, '../../../gateway/extensions/examples')
let bed: Bed
let orders: RecordingUpstream
let table: string

beforeAll(async () => {
  bed = await openBed()
  orders = await startRecordingUpstream(() => ok('fine'))
  const services = [service('orders', { deployments: [{ site: 'onprem', url: orders.url }] })]
  table = await bed.writeTable('table', structure([route('/v2/**')], { services }), placementSet([]))
})
afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await orders.close()
})

const start = (extensions: readonly object[]) => bed.start('onprem', { table: { file: table }, extensions })

describe('a gateway with extensions', () => {
  it('runs the shipped examples: one answers by itself, one adds to each answer', async () => {
    const gateway = await start([
      {
        name: 'version',
        module: join(shipped, 'require-client-version.ts'),
        options: { below: '/v2/', header: 'x-app-version' },
      },
      { name: 'timing', module: join(shipped, 'server-timing.ts') },
    ])

    const without = await fetch(`${gateway.public}/v2/a`)
    const within = await fetch(`${gateway.public}/v2/a`, { headers: { 'x-app-version': '7' } })

    expect([without.status, within.status]).toEqual([426, 200])
    expect(await without.json()).toEqual({ update: 'required' })
    expect(without.headers.get('server-timing')).toMatch(/^gateway;dur=[\d.]+$/)
    expect(within.headers.get('server-timing')).toMatch(/^gateway;dur=[\d.]+, service;dur=[\d.]+$/)
    expect(orders.requests).toHaveLength(1)
  }, 30_000)

  it('switches one off by its name, at once', async () => {
    const module = bed.folder.file('broken.ts')
    await writeFile(module, `export default () => ({ name: 'x', place: 'access', before() { throw new Error('no') } })`)
    const gateway = await start([{ name: 'broken', module }])
    const ask = () => fetch(`${gateway.public}/v2/a`)

    const failed = await ask()
    expect(failed.status).toBe(500)
    expect(await failed.json()).toMatchObject({ code: 'extension-failed' })

    const off = await gateway.ask('/gateway/v1/extensions/broken/off', { method: 'POST' })
    expect(await off.json()).toEqual({ name: 'broken', place: 'access', enabled: false })
    expect((await ask()).status).toBe(200)

    await gateway.ask('/gateway/v1/extensions/broken/on', { method: 'POST' })
    expect((await ask()).status).toBe(500)
    expect((await fetch(`${gateway.internal}/gateway/v1/extensions`)).status).toBe(401)
  }, 30_000)

  it('does not start by a module that is none, and says why', async () => {
    const module = bed.folder.file('none.ts')
    await writeFile(module, 'export default 1')

    await expect(start([{ name: 'none', module }])).rejects.toThrow(/default export is no function/)
  }, 30_000)
})
