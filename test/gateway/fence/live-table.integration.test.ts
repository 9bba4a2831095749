import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { GatewayStatus } from '#routes/messages.ts'
import { eventually } from '../../support/eventually.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { makeSealer, placement, placementSet, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'
import { type FakeControlPlane, startFakeControlPlane } from './fake-control-plane.ts'

let bed: Bed
let upstream: RecordingUpstream
let control: FakeControlPlane
let gateway: RunningGateway

const options = () => ({ controlPlane: { url: control.url }, home: 'home' })
const placed = (number: number, epoch = number) => placementSet([placement('orders', { epoch })], { number })
const shape = (number = 1) =>
  structure([route('/v1/**')], {
    number,
    services: [service('orders', { deployments: [{ site: 'onprem', url: upstream.url }] })],
  })

async function offer(number: number, epoch = number): Promise<void> {
  control.offer({
    structure: await bed.sealer.structure(shape()),
    placements: await bed.sealer.placements(placed(number, epoch)),
  })
}

async function status(of = gateway): Promise<GatewayStatus> {
  return (await (await of.ask('/gateway/v1/status')).json()) as GatewayStatus
}

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream(() => ok('hello'))
  control = await startFakeControlPlane(bed.rings['control-gateway'])
  gateway = await bed.start('onprem', options())
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await Promise.all([upstream.close(), control.stop()])
})

describe('a gateway with a control plane', () => {
  it('serves nothing before its first table, and says so', async () => {
    const answer = await fetch(`${gateway.public}/v1/x`)

    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([503, 'table-missing'])
    expect((await gateway.ask('/health/ready')).status).toBe(503)
  })

  it('serves by the first table that it is offered, and acknowledges it', async () => {
    await eventually(() => control.streams === 1)
    const began = performance.now()
    await offer(1)
    await eventually(() => control.acknowledgements.at(-1)?.held.placements.number === 1)

    expect(performance.now() - began).toBeLessThan(500)
    expect((await fetch(`${gateway.public}/v1/x`)).status).toBe(200)
    expect((await gateway.ask('/health/ready')).status).toBe(200)
    expect(control.acknowledgements.at(-1)).toMatchObject({ held: { epochs: { orders: 1 } }, refusals: [] })
    expect(control.registrations.at(-1)).toMatchObject({ internalUrl: gateway.internal })
    expect(control.refused).toEqual([])
  })

  it('counts what it served, by unit and epoch', async () => {
    await fetch(`${gateway.public}/v1/x`, { method: 'POST', body: 'x' })

    await eventually(
      () => control.counters.some(({ traffic }) => traffic.some((row) => row.unit === 'orders' && row.writes === 1)),
      { deadlineMs: 3000 },
    )
  })

  it.each([
    [
      'signed by a stranger',
      'signature-wrong',
      async () => ({ ...(await (await makeSealer()).placements(placed(5))), keyId: bed.sealer.files.id }),
    ],
    ['of an unknown key', 'key-unknown', async () => (await makeSealer('t9')).placements(placed(5))],
    [
      'with a lower number',
      'older',
      async () => bed.sealer.placements(placementSet([placement('orders', { epoch: 9 })], { number: 0 })),
    ],
    ['with a falling epoch', 'epoch-falls', async () => bed.sealer.placements(placed(6, 0))],
    [
      'that is cut off',
      'signature-wrong',
      async () => {
        const whole = await bed.sealer.placements(placed(5))
        return { ...whole, body: whole.body.slice(0, -10) }
      },
    ],
    [
      'that is oversize',
      'oversize',
      async () => ({ ...(await bed.sealer.placements(placed(5))), body: 'x'.repeat(5 * 1024 * 1024) }),
    ],
  ])('refuses a table %s, tells it on status, and goes on by the old one', async (_, because, make) => {
    control.offer({ placements: await make() })

    await eventually(async () => (await status()).refusals.some((refusal) => refusal.because === because))
    expect((await status()).held?.placements.number).toBe(1)
    expect((await fetch(`${gateway.public}/v1/x`)).status).toBe(200)
  })

  it('survives an offer that is not JSON, and takes the next one', async () => {
    control.offerText('{"structure":')
    await offer(7)

    await eventually(async () => (await status()).held?.placements.number === 7)
  })

  it('comes back to a control plane that was away, registers again and says what it holds', async () => {
    const port = Number(new URL(control.url).port)
    await control.stop()
    await eventually(async () => !(await status()).controlPlane.connected)
    expect((await fetch(`${gateway.public}/v1/x`)).status).toBe(200)

    control = await startFakeControlPlane(bed.rings['control-gateway'], port)
    await eventually(() => control.registrations.length > 0)

    expect(control.registrations[0]).toMatchObject({ held: { placements: { number: 7 }, epochs: { orders: 7 } } })
  })

  it('hands out its sealed documents to a control plane that lost its own', async () => {
    const answer = (await (await gateway.ask('/gateway/v1/status?documents=1')).json()) as GatewayStatus

    expect(answer.documents?.placements?.body).toContain('"orders"')
  })

  it('that was declared gone comes back as a new process, serving all the while', async () => {
    const { instance } = await status()
    const port = Number(new URL(control.url).port)
    await control.stop()

    control = await startFakeControlPlane(bed.rings['control-gateway'], port)
    control.removed.add(instance)
    await eventually(() => control.registrations.length > 0)

    expect((await status()).instance).not.toBe(instance)
    expect((await fetch(`${gateway.public}/v1/x`)).status).toBe(200)
  })

  it('deregisters when it ends', async () => {
    await eventually(() => control.streams === 1)
    const ending = await gateway.process.stop()

    expect(ending.code).toBe(0)
    expect(control.deregistered).toHaveLength(1)
  })
})

describe('a gateway whose control plane is away', () => {
  it('starts and serves by the table that it kept', async () => {
    await control.stop()

    gateway = await bed.start('onprem', options())

    expect((await fetch(`${gateway.public}/v1/x`)).status).toBe(200)
    expect((await gateway.ask('/health/ready')).status).toBe(200)
    expect((await status()).held?.placements.number).toBe(7)
    await gateway.process.stop()
  })

  it('does not believe a kept table that somebody changed', async () => {
    const file = bed.folder.file('home/table.json')
    await writeFile(file, (await readFile(file, 'utf8')).replaceAll('onprem', 'onprer'))

    gateway = await bed.start('onprem', options())

    expect((await fetch(`${gateway.public}/v1/x`)).status).toBe(503)
    expect((await status()).refusals.map(({ because }) => because)).toContain('signature-wrong')
  })
})
