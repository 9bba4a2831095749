import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import type { GatewayStatus } from '#routes/messages.ts'
import { eventually } from '../../support/eventually.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placementSet, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
let upstream: RecordingUpstream
let release: () => void = () => {}

beforeAll(async () => {
  bed = await openBed()
  upstream = await startRecordingUpstream(async ({ head }) => {
    if (head.startsWith('GET /v1/slow')) {
      await new Promise<void>((resolve) => {
        release = resolve
      })
    }
    return ok('hello')
  })
  const services = [service('orders', { deployments: [{ site: 'onprem', url: upstream.url }] })]
  await bed.writeTable('table', structure([route('/v1/**')], { services }), placementSet([]))
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await upstream.close()
})

const table = { table: { file: 'table' } }

async function change(gateway: RunningGateway, next: Record<string, unknown>): Promise<void> {
  const yaml = parse(await readFile(gateway.file, 'utf8')) as Record<string, unknown>
  await writeFile(gateway.file, stringify({ ...yaml, ...next }))
}

const viaOf = async (gateway: RunningGateway) => (await fetch(`${gateway.public}/v1/x`)).headers.get('via')

describe('a configuration file that changes', () => {
  it('is in force by itself, and a request under way ends by the one it began with', async () => {
    const gateway = await bed.start('onprem', { ...table, via: 'one' })
    const slow = await rawClient(gateway.port)
    const seen = upstream.requests.length
    slow.write('GET /v1/slow HTTP/1.1\r\nHost: x\r\n\r\n')
    await upstream.received(seen + 1)

    await change(gateway, { via: 'two', limits: { deploymentConnections: 8 } })
    await eventually(async () => (await viaOf(gateway))?.includes('two'), { what: 'the new name in Via' })
    release()

    expect(await slow.until(/hello$/)).toMatch(/^HTTP\/1.1 200[\s\S]*via: [^\r]*one/i)
    slow.socket.destroy()
  })

  it('is read again by SIGHUP and by a call, changed or not', async () => {
    const gateway = await bed.start('onprem', table)

    gateway.process.signal('SIGHUP')
    await gateway.process.waitFor(/the configuration was read again/)

    expect((await gateway.ask('/gateway/v1/reload', { method: 'POST' })).status).toBe(200)
    expect((await fetch(`${gateway.public}/v1/x`)).status).toBe(200)
  })

  it('is refused whole when it is broken: told by line, and the last good one serves, over a restart too', async () => {
    const home = bed.folder.file('home-broken')
    const gateway = await bed.start('onprem', { ...table, home, via: 'good' })
    await eventually(async () => (await readFile(`${home}/config.kept.yaml`, 'utf8')).includes('good'))

    await change(gateway, { via: 'bad', limits: { hold: 'soon' } })

    expect((await gateway.ask('/gateway/v1/reload', { method: 'POST' })).status).toBe(409)
    await gateway.process.waitFor(/refused: the last good one serves/)
    expect(gateway.process.output()).toMatch(/gateway-onprem-\d+\.yaml:\d+:\d+/)
    expect(await viaOf(gateway)).toContain('good')
    expect(await (await gateway.ask('/metrics')).text()).toContain('tidegate_config_refused 1')
    const { config } = (await (await gateway.ask('/gateway/v1/status')).json()) as GatewayStatus
    expect(config?.fault).toMatchObject({ code: 'config-invalid' })
    expect(config?.desired?.digest).not.toBe(config?.applied.digest)

    await gateway.process.stop()
    const again = await bed.restart(gateway)
    expect(await viaOf(again)).toContain('good')
    expect(again.process.output()).toMatch(/"level":"error"[^\n]*refused: the last good one serves/)
  })

  it('is refused by the name of a key that a running process cannot change, with all that came with it', async () => {
    const gateway = await bed.start('onprem', { ...table, via: 'one' })

    await change(gateway, { via: 'two', site: 'cloud', drain: { notice: '7s', limit: '5s' } })

    expect((await gateway.ask('/gateway/v1/reload', { method: 'POST' })).status).toBe(409)
    // Its log comes by a pipe of its own, and may be later than the answer.
    await gateway.process.waitFor(/changes site, drain\.notice, which a running process cannot change/)
    expect(await viaOf(gateway)).toContain('one')
  })
})
