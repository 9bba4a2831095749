/** A real edge before two real gateways: what each says of the other's half must fit, byte for byte. */
import { mkdir, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bucketOf } from '#routes/bucket.ts'
import { type EchoAnswer, type EchoBehaviour, echoValue, readEchoAnswer } from '#routes/echo.ts'
import { readSigned, writeSigned } from '#routes/signed-value.ts'
import { type Bed, openBed, type RunningGateway } from '../gateway/bed.ts'
import { freePorts } from '../support/free-port.ts'
import { type RunningProcess, startScript } from '../support/process-runner.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../support/recording-upstream.ts'
import { placement, placementSet, policy, route, service, structure } from '../support/tables.ts'
import { bodyOf, field, sendRaw, statusOf } from './edge-bed.ts'

let bed: Bed
let edge: RunningProcess
let port: number
const services: Record<string, RecordingUpstream> = {}
const gateways: Record<string, RunningGateway> = {}
const sites = ['onprem', 'cloud'] as const

const hosts = [
  { name: 'api.example.com', aliases: [], unsafeTargets: 'reject' as const },
  { name: 'sticky.example.com', aliases: [], unsafeTargets: 'observe' as const, stickyCookie: true as const },
]
const routes = [
  route('/v1/**'),
  route('/v1/**', { unit: 'orders.at', when: [{ from: 'country', test: 'equals', value: 'AT' }] }),
  route('/split/**', { unit: 'orders.split' }),
  route('/warm/**', { unit: 'orders.warm' }),
  route('/spare/**', { unit: 'orders.spare' }),
  route('/hints', { policy: { ...policy, earlyHints: true } }),
]
const placements = [
  placement('orders.at', { owner: 'cloud' }),
  placement('orders.split', { key: ['sticky'], moving: { to: 'cloud', reads: 5_000, writes: 0 } }),
  placement('orders.warm', { shadow: { to: 'cloud', sample: 10_000, again: 0, maxInFlight: 10, at: 'edge' } }),
  placement('orders.spare', { failover: { to: 'cloud', safeOnly: true } }),
]

beforeAll(async () => {
  bed = await openBed()
  for (const site of sites)
    services[site] = await startRecordingUpstream(({ head }) =>
      head.startsWith('GET /hints')
        ? { bytes: `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${String(ok(site).bytes)}` }
        : ok(site),
    )
  const deployments = sites.map((site) => ({ site, url: (services[site] as RecordingUpstream).url }))
  const table = structure(routes, { hosts, services: [service('orders', { deployments })] })
  const set = placementSet(placements)
  await bed.writeTable('table', table, set)
  const ports = (await freePorts(2)) as [number, number]
  const urlOf = (at: number) => `http://127.0.0.1:${ports[at]}`
  await Promise.all(
    sites.map(async (site, at) => {
      gateways[site] = await bed.start(site, {
        table: { file: 'table' },
        edgeRequired: true,
        listen: { public: `127.0.0.1:${ports[at]}`, internal: '127.0.0.1:0' },
        peers: { [sites[1 - at] as string]: { public: urlOf(1 - at), internal: urlOf(1 - at) } },
      })
    }),
  )
  const { sealer, folder } = bed
  await mkdir(folder.file('edge'))
  const offer = { structure: await sealer.structure(table), placements: await sealer.placements(set) }
  // As a restart of the edge finds it, with the control plane away.
  await writeFile(folder.file('edge/table.json'), JSON.stringify(offer))
  const config = {
    name: 'edge-1',
    listen: '127.0.0.1:0',
    workers: 1,
    home: folder.file('edge'),
    controlPlane: { url: 'http://127.0.0.1:9' },
    keys: { tables: 'keys/tables.public.json', gateways: 'keys/edge-gateway.json', control: 'keys/edge-control.json' },
    sites: { onprem: urlOf(0), cloud: urlOf(1) },
    trustedClientIpHeader: 'X-Front-Address',
    trustedCountryHeader: 'X-Front-Country',
  }
  await writeFile(folder.file('edge.yaml'), JSON.stringify(config))
  edge = await startScript('edge-worker/host/main.ts', ['--config', folder.file('edge.yaml')], {
    ready: /"ready":true/,
  })
  port = Number(/"listen":"127\.0\.0\.1:(\d+)"/.exec(edge.output())?.[1])
}, 60_000)

afterAll(async () => {
  await edge?.stop()
  await bed[Symbol.asyncDispose]()
  await Promise.all(Object.values(services).map((one) => one.close()))
})

/** Sends through the edge; `requests` are what services got by it. */
async function ask(target: string, fields: readonly string[] = [], method = 'GET', host = 'api.example.com') {
  const before = counts()
  const length = method === 'POST' ? ['Content-Length: 0'] : []
  const answer = await sendRaw(
    port,
    [`${method} ${target} HTTP/1.1`, `Host: ${host}`, ...length, ...fields, '', ''].join('\r\n'),
  )
  const requests = sites.flatMap((site) => services[site]?.requests.slice(before[site]) ?? [])
  return { answer, body: bodyOf(answer), status: statusOf(answer), head: requests[0]?.head ?? '' }
}
const counts = () => Object.fromEntries(sites.map((site) => [site, services[site]?.requests.length ?? 0]))
const echo = async (behaviour: EchoBehaviour = 'plain') =>
  `x-tidegate-echo: ${await writeSigned('echo', echoValue(behaviour, 'n'), Date.now() + 60_000, bed.rings['control-gateway'])}`
const echoed = (body: string) => readEchoAnswer(body) as EchoAnswer

describe('an edge before gateways that only edges may use', () => {
  it('is believed: the client, its country and by it the route', async () => {
    const lies = ['X-Forwarded-For: 6.6.6.6', 'CF-Connecting-IP: 6.6.6.6', 'x-tidegate-edge: v=1;a=6.6.6.6']
    const fields = [...lies, 'X-Front-Address: 203.0.113.5']

    const home = await ask('/v1/1', fields)
    const abroad = await ask('/v1/1', [...fields, 'X-Front-Country: AT'])

    expect([home.body, abroad.body]).toEqual(['onprem', 'cloud'])
    expect(home.head).toMatch(/\r\nx-forwarded-for: 203\.0\.113\.5, 127\.0\.0\.1\r\n/)
    expect(home.head).not.toMatch(/6\.6\.6\.6/)
  })

  it("passes doctor's question on as it came, and the mark on it verifies", async () => {
    const target = '/v1/%2e%2e/a%2fb?x=%zz'
    const { body, head } = await ask(
      target,
      [await echo(), 'X-Front-Address: 203.0.113.5'],
      'GET',
      'sticky.example.com',
    )

    const { edge: mark, markFault, ...told } = echoed(body)
    expect(told).toMatchObject({ target, host: 'sticky.example.com', address: '203.0.113.5', keepAliveMs: 910_000 })
    expect([mark?.from, mark?.structure, markFault, head]).toEqual(['edge-1', 1, undefined, ''])
  })

  it('Edge D1: gets no 103, of a service or of a gateway', async () => {
    for (const { answer } of [await ask('/hints'), await ask('/v1/1', [await echo('early')])])
      expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200'])
  })

  it("sends no client by a header of its own to another site, nor lets it answer in a gateway's name", async () => {
    const words = ['x-tidegate-force: cloud', 'x-tidegate-failover: no', 'x-tidegate-shadow: 1', 'x-tidegate-hop: v=1']

    const { body, head } = await ask('/v1/1', words)

    expect(body).toBe('onprem')
    expect(head).not.toMatch(/x-tidegate-(?:force|failover|shadow|hop)/i)
  })
})

it("a tester's word takes reads to the other site, where the gateway executes them, and no write", async () => {
  const word = await writeSigned('force', 'cloud', Date.now() + 60_000, bed.rings['edge-control'])

  expect((await ask('/v1/1', [`x-tidegate-force: ${word}`])).body).toBe('cloud')
  const { body, head } = await ask('/v1/1', [`Cookie: a=1; tidegate-force=${word}; b=2`])
  expect([body, field(head, 'cookie')]).toEqual(['cloud', 'a=1; b=2'])
  expect((await ask('/v1/1', [`x-tidegate-force: ${word}`], 'POST')).body).toBe('onprem')
})

it('a client without any key of its own gets a cookie, and stays by it on the side that its bucket says', async () => {
  const host = 'sticky.example.com'
  const seen = new Set<string>()
  for (let client = 0; client < 12; client++) {
    const first = await ask('/split/1', [], 'GET', host)
    expect(first.answer).not.toMatch(/x-tidegate-/i)
    const set = field(first.answer, 'set-cookie') ?? ''
    expect(set).toMatch(/; Path=\/; Max-Age=2592000; Secure; HttpOnly; SameSite=Lax$/)
    const cookie = set.split(';', 1)[0] as string
    const key = await readSigned('sticky', cookie.split('=')[1] ?? '', bed.rings['edge-gateway'], Date.now())
    const side = bucketOf('wave-1', key as string) < 5_000 ? 'cloud' : 'onprem'
    seen.add(side)

    const next = await ask('/split/1', [`Cookie: s=7; ${cookie}`], 'GET', host)
    expect([next.body, field(next.head, 'cookie'), field(next.answer, 'set-cookie')]).toEqual([side, 's=7', undefined])
  }
  expect([...seen].sort()).toEqual(['cloud', 'onprem'])
  expect(field((await ask('/split/1')).answer, 'set-cookie')).toBeUndefined()
})

it('a copy warms the other site: its gateway executes it, and the service sees what it is', async () => {
  const before = counts()

  const { body } = await ask('/warm/1')

  expect(body).toBe('onprem')
  const copy = await services['cloud']?.received((before['cloud'] ?? 0) + 1)
  expect(copy?.head).toMatch(/^GET \/warm\/1 HTTP\/1\.1\r\n[\s\S]*\r\nx-tidegate-shadow: 1\r\n/)
  expect(services['onprem']?.requests.at(-1)?.head).not.toMatch(/x-tidegate-shadow/i)
  expect(counts()['onprem']).toBe((before['onprem'] ?? 0) + 1)
})

// Last: it ends a gateway.
it('with the gateway of a site gone, a read is served where the placement says, and a write is not', async () => {
  expect((await ask('/spare/1')).body).toBe('onprem')
  await gateways['onprem']?.process.stop('SIGKILL')

  for (let time = 0; time < 4; time++) expect((await ask('/spare/1')).body).toBe('cloud')
  expect((await ask('/spare/1', [], 'POST')).status).toBe(502)
  expect((await ask('/v1/1')).status).toBe(502)
})
