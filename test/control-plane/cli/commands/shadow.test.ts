import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { catalogOf, serviceFile } from '../../support/catalog.ts'
import { tidegateOf } from '../../support/cli.ts'
import { startControlPlane, type TestControlPlane } from '../../support/control-plane.ts'

let plane: TestControlPlane

beforeAll(async () => {
  plane = await startControlPlane()
  const files = catalogOf(...['orders', 'search', 'files'].map((name) => serviceFile(name)))
  await plane.client.apply({ files: [...files], reason: 'first' })
})
afterAll(() => plane.stop())

const tidegate = (...argv: string[]) => tidegateOf(plane, argv)

describe('tidegate shadow', () => {
  it('begins and ends copies, says how to undo it, and stands in the status of the unit', async () => {
    const on = await tidegate('shadow', 'search', '--to', 'cloud', '--percent', '2.5', '--reason', 'a test')
    const status = await tidegate('status', 'search')
    const off = await tidegate('shadow', 'search', '--off', '--reason', 'seen')
    const again = await tidegate('shadow', 'search', '--off', '--reason', 'seen')

    expect(on.out).toMatch(/^Copying: search is at onprem 100 %; copies to cloud: 2.5 % \(epoch 2, table \d+\)\.$/m)
    expect(on.out).toMatch(/^Undo: tidegate shadow search --off --reason "after all"$/m)
    expect(status.out).toMatch(/^copies +safe requests of 2.5 % of the clients, to cloud; at most 100 at once/m)
    expect(off.out).toMatch(/^Changed: search is at onprem 100 % \(epoch 3/m)
    expect(off.out).toMatch(/^Copies to cloud have ended\.$/m)
    expect(off.out).toMatch(/^Undo: tidegate shadow search --to cloud --percent 2.5 --max-in-flight 100 --reason/m)
    expect(again.out).toBe('Nothing to do: search is already at onprem 100 % (epoch 3).')
  })

  it('ends with the flip to where the copies went, which says so', async () => {
    const on = ['shadow', 'files', '--to', 'cloud', '--percent', '100', '--max-in-flight', '5', '--reason', 'x']
    const { out } = await tidegate(...on, '-o', 'json')
    const tenth = await tidegate('flip', 'files', '--to', 'cloud', '--percent', '10', '--reason', 'x')
    const whole = await tidegate('flip', 'files', '--to', 'cloud', '--reason', 'x')

    expect(JSON.parse(out).placement.shadow).toEqual({ to: 'cloud', sample: 10_000, again: 0, maxInFlight: 5 })
    expect(tenth.out).toMatch(/onprem, to cloud: reads 10 %, writes 0 %; copies to cloud: 100 % \(/)
    expect(whole.out).toMatch(/^Copies to cloud have ended\.$/m)
  })

  it.each([
    [2, ['orders', '--to', 'cloud', '--reason', 'x'], /Give --to SITE --percent N, or --off/],
    [2, ['orders', '--to', 'cloud', '--percent', '0', '--reason', 'x'], /copies nothing/],
    [2, ['orders', '--to', 'cloud', '--percent', '101', '--reason', 'x'], /not a share/],
    [2, ['orders', '--to', 'cloud', '--percent', '1', '--max-in-flight', '0', '--reason', 'x'], /from 1 to 1000/],
    [2, ['orders', '--to', 'cloud', '--percent', '1', '--max-in-flight', '1001', '--reason', 'x'], /from 1 to 1000/],
    [2, ['orders', '--off', '--to', 'cloud', '--reason', 'x'], /cannot be used with/],
    [2, ['orders', '--off', '--reason', ' '], /reason is empty/],
    [2, ['orders', '--off'], /fix: tidegate shadow <unit> --reason <text>/],
    [2, ['orders', '--to', 'onprem', '--percent', '1', '--reason', 'x'], /it owns the unit/],
    [3, ['ordres', '--off', '--reason', 'x'], /no unit ordres/],
  ] as const)('ends with %i: %j', async (code, argv, why) => {
    const failed = await tidegate('shadow', ...argv)

    expect(failed).toMatchObject({ code, out: '', told: expect.stringMatching(why) })
    expect(failed.told).toMatch(/^ {2}fix: /m)
    expect((await plane.client.unit('orders')).placement.epoch).toBe(1)
  })
})
