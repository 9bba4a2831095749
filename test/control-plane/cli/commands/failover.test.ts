import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalogOf, serviceFile } from '../../support/catalog.ts'
import { tidegateOf } from '../../support/cli.ts'
import { startControlPlane, type TestControlPlane } from '../../support/control-plane.ts'

let plane: TestControlPlane

beforeAll(async () => {
  plane = await startControlPlane()
  const files = catalogOf(...['orders', 'search'].map((name) => serviceFile(name)))
  await plane.client.apply({ files: [...files], reason: 'first' })
})
afterAll(() => plane.stop())

const tidegate = (...argv: string[]) => tidegateOf(plane, argv)

describe('tidegate failover', () => {
  it('begins and ends it, says how to undo it, and stands in the status of the unit', async () => {
    const on = await tidegate('failover', 'search', '--to', 'cloud', '--reason', 'a test')
    const status = await tidegate('status', 'search')
    const off = await tidegate('failover', 'search', '--off', '--reason', 'seen')

    expect(on.out).toMatch(/^Changed: search is at onprem 100 %; failover to cloud \(epoch 2, table \d+\)\.$/m)
    expect(on.out).toMatch(/^Undo: tidegate failover search --off --reason "after all"$/m)
    expect(status.out).toMatch(/^failover +reads, to cloud, when onprem gives no answer/m)
    expect(off.out).toMatch(/^Failover to cloud has ended\.$/m)
    expect(off.out).toMatch(/^Undo: tidegate failover search --to cloud --reason/m)
  })

  it.each([
    [2, ['orders', '--reason', 'x'], /Give --to SITE, or --off/],
    [2, ['orders', '--off', '--to', 'cloud', '--reason', 'x'], /cannot be used with/],
    [2, ['orders', '--off', '--reason', ' '], /reason is empty/],
    [2, ['orders', '--to', 'onprem', '--reason', 'x'], /it owns the unit/],
    [3, ['ordres', '--off', '--reason', 'x'], /no unit ordres/],
  ] as const)('ends with %i: %j', async (code, argv, why) => {
    const failed = await tidegate('failover', ...argv)

    expect(failed).toMatchObject({ code, out: '', told: expect.stringMatching(why) })
    expect(failed.told).toMatch(/^ {2}fix: /m)
    expect((await plane.client.unit('orders')).placement.epoch).toBe(1)
  })
})
