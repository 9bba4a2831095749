import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { headers, tableHint } from '#routes/messages.ts'
import { placementSet, route, structure } from '../../support/tables.ts'
import { away, Colo, hangs, Isolate } from './colo.ts'

let colo: Colo
beforeEach(async () => {
  colo = await Colo.open()
})
afterEach(() => vi.restoreAllMocks())

describe('a cold isolate', () => {
  it('Edge E2: starts from KV when the control plane is away and the script is older', async () => {
    await colo.writeKv(4)

    expect(await (await colo.isolate(1)).holds()).toEqual([4, 'kv'])
  })

  it('Edge E2: starts from what another isolate of its colo learnt from the control plane', async () => {
    await colo.controlPlaneSays(6)
    await (await colo.isolate(1)).served()
    colo.controlPlane = away
    await colo.writeKv(4)

    expect(await (await colo.isolate(1)).holds()).toEqual([6, 'colo-cache'])
  })

  it('Edge E2: has a newer structure than its script, too, from its colo', async () => {
    const routes = [route('/v1/orders/**'), route('/v1/users/**', { service: 'users' })]
    const newer = { ...(await colo.offer(6)), structure: await colo.sealer.structure(structure(routes, { number: 2 })) }
    colo.controlPlane = async () => new Response(JSON.stringify(newer))
    await (await colo.isolate(1)).served()
    colo.controlPlane = away

    expect((await (await colo.isolate(1)).status()).held?.structure.number).toBe(2)
  })

  it('Edge E3: stays with its script when KV and colo are older', async () => {
    await colo.controlPlaneSays(3)
    await new Isolate(colo, {}).served()
    colo.controlPlane = away
    await colo.writeKv(2)

    const isolate = await colo.isolate(8)
    expect(await isolate.holds()).toEqual([8, 'bundle'])
    expect((await isolate.status()).refusals).toMatchObject([{ because: 'older', held: 8, count: 2 }])
  })

  it('Edge E2: waits about 50 ms for a control plane that hangs, and no other request waits at all', async () => {
    colo.controlPlane = hangs
    const isolate = await colo.isolate(1)

    const first = isolate.fetch()
    await vi.waitFor(() => expect(colo.polls).toBe(1), { interval: 1 })
    const others = await Promise.all(Array.from({ length: 20 }, () => isolate.fetch()))
    const waited = await first
    await Promise.all([waited.settled, ...others.map(({ settled }) => settled)])

    expect(waited.tookMs).toBeGreaterThanOrEqual(45)
    expect(waited.tookMs).toBeLessThan(700)
    expect(others.every(({ response }) => response.status === 200)).toBe(true)
    expect(Math.min(...others.map(({ tookMs }) => tookMs))).toBeLessThan(45)
    expect(colo.polls).toBe(1)
  })

  it('Edge E2: takes a late answer of the control plane after its own answer was given', async () => {
    const text = JSON.stringify(await colo.offer(5))
    colo.controlPlane = () => scheduler.wait(400).then(() => new Response(text))
    const isolate = await colo.isolate(1)

    const { settled, tookMs } = await isolate.fetch()
    expect(tookMs).toBeLessThan(400)
    await settled

    expect(await isolate.holds()).toEqual([5, 'control-plane'])
  })

  it('Edge E7: serves when KV and colo hold rubbish', async () => {
    await colo.writeRawKv('{"placements":')
    const rubbish = new Response('{"structure":7}', { headers: { 'cache-control': 'max-age=60' } })
    await caches.default.put(`https://tidegate.invalid/table/${colo.environment}`, rubbish)

    expect(await (await colo.isolate(1)).holds()).toEqual([1, 'bundle'])
  })
})

describe('a warm isolate', () => {
  it('Edge E1: answers at once while the control plane hangs, and asks it once a second', async () => {
    const isolate = await colo.isolate(1)
    await isolate.served()
    await scheduler.wait(1_000)
    colo.controlPlane = hangs
    colo.polls = 0

    const answers = await Promise.all(Array.from({ length: 30 }, () => isolate.fetch()))
    expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(700)
    await Promise.all(answers.map(({ settled }) => settled))
    expect(colo.polls).toBe(1)
  })

  it('Edge E1: refreshes in its own request what an earlier one began and did not end', async () => {
    const isolate = await colo.isolate(1)
    await isolate.served()
    await scheduler.wait(1_000)
    colo.controlPlane = hangs
    const { settled } = await isolate.fetch()
    await settled
    await scheduler.wait(300)
    await colo.controlPlaneSays(4)

    await isolate.served()

    expect(await isolate.holds()).toEqual([4, 'control-plane'])
  })

  it('lets its colo ask once a second, however many isolates there are', async () => {
    await colo.controlPlaneSays(2)
    const isolates = await Promise.all(Array.from({ length: 5 }, () => colo.isolate(2)))
    for (const isolate of isolates) await isolate.served()
    await scheduler.wait(1_000)
    colo.polls = 0

    for (const isolate of isolates) await isolate.served()

    expect(colo.polls).toBe(1)
  })

  it('asks by itself, at once, when a gateway knows a higher number', async () => {
    const isolate = await colo.isolate(1)
    await isolate.served()
    await scheduler.wait(100)
    await colo.controlPlaneSays(2)
    isolate.answer = () => new Response('ok', { headers: { [headers.table]: tableHint(1, 2) } })

    await isolate.served()

    expect(await isolate.holds()).toEqual([2, 'control-plane'])
  })

  it('Edge E3: keeps its table when the control plane says another one of the same number, and cries out once', async () => {
    const cry = vi.spyOn(console, 'error').mockReturnValue()
    const isolate = await colo.isolate(2)
    const forked = { placements: await colo.sealer.placements(placementSet([], { number: 2, reason: 'a twin' })) }
    colo.controlPlane = async () => new Response(JSON.stringify(forked))

    await isolate.served()
    await scheduler.wait(1_000)
    await isolate.served()

    expect(await isolate.holds()).toEqual([2, 'bundle'])
    expect((await isolate.status()).refusals).toMatchObject([{ because: 'forked', count: 2 }])
    expect(cry).toHaveBeenCalledTimes(1)
  })
})
