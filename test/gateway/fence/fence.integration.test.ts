import { rename } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Mark, type MarkKind, writeMark } from '#routes/hop.ts'
import { eventually } from '../../support/eventually.ts'
import { freePorts } from '../../support/free-port.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placement, placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway, rawClient } from '../bed.ts'

let bed: Bed
let onpremService: RecordingUpstream
let cloudService: RecordingUpstream
let onprem: RunningGateway
let cloud: RunningGateway

const impatient = { ...policy, timeout: { ...policy.timeout, firstByteMs: 300 } }
const routes = [route('/v1/**'), route('/slow/**', { policy: impatient })]
const at = (number: number, epoch: number, owner: string) =>
  placementSet([placement('orders', { epoch, owner })], { number })

beforeAll(async () => {
  bed = await openBed()
  onpremService = await startRecordingUpstream(() => ok('onprem'))
  cloudService = await startRecordingUpstream(() => ok('cloud'))
  const [onpremPort, cloudPort] = (await freePorts(2)) as [number, number]
  const peer = (port: number) => ({ public: `http://127.0.0.1:${port}`, internal: `http://127.0.0.1:${port}` })
  const start = (site: string, port: number, other: string, otherPort: number) =>
    bed.start(site, {
      table: { file: `table-${site}` },
      listen: { public: `127.0.0.1:${port}`, internal: '127.0.0.1:0' },
      peers: { [other]: peer(otherPort) },
    })
  await place('onprem', at(1, 1, 'onprem'))
  await place('cloud', at(1, 1, 'onprem'))
  ;[onprem, cloud] = await Promise.all([
    start('onprem', onpremPort, 'cloud', cloudPort),
    start('cloud', cloudPort, 'onprem', onpremPort),
  ])
})

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await Promise.all([onpremService.close(), cloudService.close()])
})

async function place(site: string, set: ReturnType<typeof placementSet>): Promise<void> {
  const deployments = [
    { site: 'onprem', url: onpremService.url },
    { site: 'cloud', url: cloudService.url },
  ]
  const folder = await bed.writeTable(
    `next-${site}`,
    structure(routes, { services: [service('orders', { deployments })] }),
    set,
  )
  await bed.writeTable(`table-${site}`, structure(routes, { services: [service('orders', { deployments })] }), set)
  await rename(`${folder}/placements.json`, `${bed.folder.file(`table-${site}`)}/placements.json`)
}

/** Places at both sites and waits until both hold it. */
async function adopt(number: number, epoch: number, owner: string, sites = ['onprem', 'cloud']): Promise<void> {
  for (const site of sites) {
    await place(site, at(number, epoch, owner))
    await eventually(async () => (await heldBy(site)).placements === number)
  }
}

async function heldBy(site: string): Promise<{ placements: number }> {
  const answer = await (site === 'onprem' ? onprem : cloud).ask('/gateway/v1/status')
  const status = (await answer.json()) as { held: { placements: { number: number } } }
  return { placements: status.held.placements.number }
}

async function marked(
  kind: MarkKind,
  mark: Partial<Mark>,
  target = '/v1/x',
  method = 'GET',
): Promise<Record<string, string>> {
  const whole: Mark = {
    at: Date.now(),
    requestId: 'r1',
    structure: 1,
    placements: 1,
    because: 'steady',
    from: 'edge-1',
    flags: [],
    ...mark,
  }
  const ring = bed.rings[kind === 'edge' ? 'edge-gateway' : 'gateway-gateway']
  return { [`x-tidegate-${kind}`]: await writeMark(kind, whole, { method, host: 'api.example.com', target }, ring) }
}

async function ask(
  gateway: RunningGateway,
  headers: Record<string, string> = {},
  init: RequestInit = {},
): Promise<Response> {
  const { request } = await import('undici')
  const answer = await request(`${gateway.public}/v1/x`, {
    method: (init.method ?? 'GET') as 'GET',
    headers: { host: 'api.example.com', ...headers },
    body: (init.body as string) ?? null,
  })
  return new Response(await answer.body.text(), {
    status: answer.statusCode,
    headers: Object.entries(answer.headers).map(([name, value]) => [name, String(value)] as [string, string]),
  })
}

describe('a request at the wrong site', () => {
  it('is forwarded once and executed once, by the owner, under one id and the address of its client', async () => {
    const before = [onpremService.requests.length, cloudService.requests.length]

    const answer = await ask(cloud, { 'x-forwarded-for': '6.6.6.6' }, { method: 'POST', body: 'hello' })

    expect(await answer.text()).toBe('onprem')
    expect([onpremService.requests.length, cloudService.requests.length]).toEqual([(before[0] ?? 0) + 1, before[1]])
    const executed = onpremService.requests.at(-1)
    expect(executed?.body.toString()).toBe('hello')
    expect(executed?.head).toContain(`x-request-id: ${answer.headers.get('x-request-id')}`)
    expect(executed?.head.toLowerCase()).not.toMatch(/x-tidegate-hop|x-tidegate-edge|6\.6\.6\.6/)
    expect(answer.headers.get('x-tidegate-fence')).toBeNull()
  })

  it('is never forwarded again when a peer sent it, and says that it was not executed', async () => {
    const before = [onpremService.requests.length, cloudService.requests.length]

    const answer = await ask(cloud, await marked('hop', { from: 'onprem', unit: 'orders', epoch: 1 }))

    expect(answer.status).toBe(503)
    expect(answer.headers.get('x-tidegate-fence')).toBe('refused;e=1')
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(await answer.json()).toMatchObject({ code: 'held' })
    expect([onpremService.requests.length, cloudService.requests.length]).toEqual(before)
  })

  it('is an ordinary one when its hop mark is forged', async () => {
    const answer = await ask(cloud, { 'x-tidegate-hop': `${(await marked('hop', {}))['x-tidegate-hop']}x` })

    expect(await answer.text()).toBe('onprem')
  })
})

describe('a stranger who never ends its body', () => {
  it('loses its place in time, before anything crosses', async () => {
    const crossed = onpremService.requests.length
    const client = await rawClient(cloud.port)
    client.write('POST /slow/x HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 100\r\n\r\nx')

    const answer = await client.closed(4_000)

    expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(answer).toContain('client-too-slow')
    expect(onpremService.requests.length).toBe(crossed)
  })
})

describe('an edge', () => {
  it('that is behind is told the newest numbers, and nobody else is', async () => {
    const behind = await ask(onprem, await marked('edge', { placements: 0 }))
    const level = await ask(onprem, await marked('edge', { placements: 1 }))
    const stranger = await ask(onprem)
    const forged = await ask(onprem, {
      'x-tidegate-edge': `${(await marked('edge', { placements: 0 }))['x-tidegate-edge']}x`,
    })

    expect(behind.headers.get('x-tidegate-table')).toBe('s=1;p=1')
    const peer = await ask(onprem, await marked('hop', { placements: 0, unit: 'orders', epoch: 1 }))
    for (const answer of [level, stranger, forged, peer]) expect(answer.headers.get('x-tidegate-table')).toBeNull()
  })

  it('that knows the client says who it is', async () => {
    await ask(onprem, {
      ...(await marked('edge', { address: '9.9.9.9', requestId: 'edge-id' })),
      'x-forwarded-for': '9.9.9.9',
    })

    expect(onpremService.requests.at(-1)?.head).toMatch(/x-forwarded-for: 9\.9\.9\.9, .*\r\n/)
    expect(onpremService.requests.at(-1)?.head).toContain('x-request-id: edge-id')
  })
})

describe('a request that knows a newer placement', () => {
  it('waits for it, and is then served where it says', async () => {
    const waiting = ask(onprem, await marked('edge', { unit: 'orders', epoch: 2, placements: 2 }, '/v1/x', 'POST'), {
      method: 'POST',
      body: 'x',
    })
    await eventually(async () =>
      (await onprem.ask('/metrics').then((answer) => answer.text())).includes(
        'tidegate_fence_verdicts_total{verdict="wait"} 1',
      ),
    )
    await adopt(2, 2, 'cloud', ['cloud', 'onprem'])

    expect(await (await waiting).text()).toBe('cloud')
  })

  it('is not executed as a write when the placement does not come in time', async () => {
    const executed = cloudService.requests.length + onpremService.requests.length
    const began = performance.now()

    const write = await ask(cloud, await marked('edge', { unit: 'orders', epoch: 9, placements: 9 }, '/v1/x', 'POST'), {
      method: 'POST',
      body: 'x',
    })

    expect([write.status, ((await write.json()) as { code: string }).code]).toEqual([503, 'held'])
    expect(performance.now() - began).toBeGreaterThan(1_900)
    expect(cloudService.requests.length + onpremService.requests.length).toBe(executed)
  })
})

describe('a peer that already released the unit', () => {
  it('refuses, and the first gateway sends the request where the newer placement says, body and all', async () => {
    // The owner moves on while the entering gateway still sends there by the older table.
    await adopt(3, 3, 'onprem', ['onprem', 'cloud'])
    await adopt(4, 4, 'cloud', ['onprem'])
    const executed = cloudService.requests.length

    // cloud (epoch 3: onprem owns) forwards to onprem (epoch 4: cloud owns), which refuses under 4.
    const waiting = ask(cloud, {}, { method: 'POST', body: 'kept' })
    await eventually(async () =>
      /verdict="refuse"\} \d/.test(await onprem.ask('/metrics').then((answer) => answer.text())),
    )
    await adopt(4, 4, 'cloud', ['cloud'])

    const answer = await waiting
    expect([answer.status, await answer.text()]).toEqual([200, 'cloud'])
    expect(cloudService.requests.length).toBe(executed + 1)
    expect(cloudService.requests.at(-1)?.body.toString()).toBe('kept')
  })
})

describe('a loop', () => {
  it('ends with 508', async () => {
    const answer = await ask(onprem, { via: '1.1 tidegate, 1.1 other, 1.1 tidegate, 1.1 tidegate' })

    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([508, 'loop'])
  })
})
