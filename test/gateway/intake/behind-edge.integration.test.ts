/** What gateways believe of edges and of those who only look like one: two sites, real services, raw heads. */
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { request } from 'undici'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bucketOf } from '#routes/bucket.ts'
import { signCall } from '#routes/call.ts'
import { type Mark, type MarkedRequest, writeMark } from '#routes/hop.ts'
import { headers, paths } from '#routes/messages.ts'
import { KeyRing, type Purpose, type RingFile } from '#routes/seal.ts'
import { readSigned, writeSigned } from '#routes/signed-value.ts'
import { eventually } from '../../support/eventually.ts'
import { freePorts } from '../../support/free-port.ts'
import { ok, type RecordingUpstream, startRecordingUpstream } from '../../support/recording-upstream.ts'
import { placement, placementSet, policy, route, service, structure } from '../../support/tables.ts'
import { type Bed, openBed, type RunningGateway } from '../bed.ts'

let bed: Bed
const services: Record<string, RecordingUpstream> = {}
let onprem: RunningGateway
let cloud: RunningGateway
let strict: RunningGateway

const kept = {
  ...policy,
  cache: { profile: 'api', ttlMs: 60_000, per: 'everyone', key: {}, tags: [] } as const,
}
const pages = route('/pages/**')
const abroad = route('/pages/**', { when: [{ from: 'country', test: 'oneOf', value: ['AT'] }], unit: 'orders.abroad' })
const hosts = [
  { name: 'api.example.com', aliases: [], unsafeTargets: 'reject' as const },
  { name: 'sticky.example.com', aliases: [], unsafeTargets: 'reject' as const, stickyCookie: true as const },
]
const routes = [
  route('/v1/**'),
  pages,
  abroad,
  route('/split/**', { unit: 'orders.split' }),
  route('/spare/**', { unit: 'orders.spare' }),
  route('/kept', { policy: kept }),
  route('/closed', { policy: { ...policy, answer: { kind: 'maintenance', retryAfterMs: 60_000 } } }),
]

beforeAll(async () => {
  bed = await openBed()
  const field = (name: string) => [
    'x-tidegate-sticky: forged',
    'x-tidegate-failover: no',
    'vary: cookie',
    `x-at: ${name}`,
  ]
  for (const site of ['onprem', 'cloud']) services[site] = await startRecordingUpstream(() => ok(site, field(site)))
  const deployments = Object.entries(services).map(([site, { url }]) => ({ site, url }))
  const table = structure(routes, { hosts, services: [service('orders', { deployments })], number: 3 })
  const placements = [
    placement('orders.abroad', { owner: 'cloud' }),
    placement('orders.split', { key: ['sticky'], moving: { to: 'cloud', reads: 5_000, writes: 0 } }),
    placement('orders.spare', { failover: { to: 'cloud', safeOnly: true } }),
  ]
  await bed.writeTable('table', table, placementSet(placements, { number: 4 }))
  const [onpremPort, cloudPort] = (await freePorts(2)) as [number, number]
  const at = (port: number) => ({ public: `http://127.0.0.1:${port}`, internal: `http://127.0.0.1:${port}` })
  const start = (site: string, port: number, other: string, otherPort: number) =>
    bed.start(site, {
      table: { file: 'table' },
      listen: { public: `127.0.0.1:${port}`, internal: '127.0.0.1:0' },
      peers: { [other]: at(otherPort) },
      cache: { zones: [{ name: 'own', driver: 'memory' }] },
    })
  ;[onprem, cloud, strict] = await Promise.all([
    start('onprem', onpremPort, 'cloud', cloudPort),
    start('cloud', cloudPort, 'onprem', onpremPort),
    bed.start('onprem', { table: { file: 'table' }, edgeRequired: true, home: bed.folder.file('home-strict') }),
  ])
}, 40_000)

afterAll(async () => {
  await bed[Symbol.asyncDispose]()
  await Promise.all(Object.values(services).map((one) => one.close()))
})

type Signed = Partial<Mark> & Partial<MarkedRequest> & { ring?: KeyRing; kind?: 'edge' | 'hop' }

async function mark({ ring = bed.rings['edge-gateway'], kind = 'edge', method, host, target, ...facts }: Signed = {}) {
  const signed = { method: method ?? 'GET', host: host ?? 'api.example.com', target: target ?? '/v1/x' }
  const whole = {
    at: Date.now(),
    requestId: 'r1',
    structure: 3,
    placements: 4,
    because: 'home',
    from: 'FRA',
    flags: [],
  }
  return writeMark(kind, { ...whole, ...facts }, signed, ring)
}

interface Asked {
  readonly target?: string
  readonly method?: 'GET' | 'POST'
  readonly host?: string
  readonly fields?: readonly string[]
  /** Signed as an edge does, over what is asked; true: with nothing said of the client. */
  readonly edge?: true | Partial<Mark>
}

async function ask(
  of: RunningGateway,
  { target = '/v1/x', method = 'GET', host = 'api.example.com', fields = [], edge }: Asked,
) {
  const before = counts()
  const facts = edge === true ? {} : edge
  const signed = facts && ['x-tidegate-edge', await mark({ ...facts, method, host, target })]
  const answer = await request(of.public + target, { method, headers: ['host', host, ...(signed ?? []), ...fields] })
  const text = await answer.body.text()
  const seen = Object.entries(services).flatMap(([site, { requests }]) => requests.slice(before[site]))
  return { status: answer.statusCode, headers: answer.headers, text, head: seen[0]?.head ?? '' }
}
const counts = () => Object.fromEntries(Object.entries(services).map(([site, { requests }]) => [site, requests.length]))
const codeOf = (text: string) => (JSON.parse(text) as { code: string }).code

describe("the client's address", () => {
  const spoofs = [
    'X-Forwarded-For',
    'CF-Connecting-IP',
    'True-Client-IP',
    'X-Real-IP',
    'X-Client-IP',
    'X-Cluster-Client-IP',
    'Fastly-Client-IP',
    'X_Forwarded_For',
    'X.Forwarded.For',
    'CF_Connecting_IP',
    'X_Real_IP',
    'X_Tidegate_Edge',
  ].flatMap((name) => [name, '6.6.6.6'])
  const lies = [...spoofs, 'Forwarded', 'for=6.6.6.6;host=evil.test', 'X-Forwarded-Host', 'evil.test']

  it("is what the edge's mark says, whatever stands in fields beside it", async () => {
    const { head } = await ask(onprem, { fields: lies, edge: { address: '203.0.113.5' } })

    expect(head).not.toMatch(/6\.6\.6\.6|evil\.test/)
    expect(head).toMatch(/\r\nx-forwarded-for: 203\.0\.113\.5, 127\.0\.0\.1\r\n/)
    expect(head).toMatch(/\r\ncf-connecting-ip: 203\.0\.113\.5\r\n/)
    expect(head).toMatch(/\r\nforwarded: for=203\.0\.113\.5;/)
  })

  it('is the other end of the connection without a mark, and with one that is forged', async () => {
    const forged = ['x-tidegate-edge', (await mark({ address: '203.0.113.5' })).replace('203.0.113.5', '203.0.113.6')]
    for (const fields of [lies, [...lies, ...forged]]) {
      const { head } = await ask(onprem, { fields })

      expect(head).not.toMatch(/6\.6\.6\.6|evil\.test|203\.0\.113/)
      expect(head).toMatch(/\r\nx-forwarded-for: 127\.0\.0\.1\r\n/)
    }
  })

  it("is nobody's where the edge does not know it: it decides without, and so does the gateway", async () => {
    const { head } = await ask(onprem, { fields: lies, edge: true })

    expect(head).not.toMatch(/6\.6\.6\.6|evil\.test/)
  })
})

it('a country selects the route, and by it the site, when an edge signed it, and never when a client says it', async () => {
  const fields = ['CF-IPCountry', 'AT', 'x-country', 'AT']
  const at = async (edge?: Partial<Mark>) =>
    (await ask(onprem, { target: '/pages/1', fields, ...(edge && { edge }) })).text

  expect(await at({ country: 'AT', route: abroad.id })).toBe('cloud')
  expect(await at({ country: 'DE', route: pages.id })).toBe('onprem')
  expect(await at()).toBe('onprem')
})

describe('a gateway that only edges may use', () => {
  it.each<[string, () => Promise<string | undefined>]>([
    ['without a mark', async () => undefined],
    ['forged', async () => `${(await mark()).slice(0, -43)}${'A'.repeat(43)}`],
    ['seen more than a minute ago', () => mark({ at: Date.now() - 61_000 })],
    ['of another host', () => mark({ host: 'other.example.com' })],
    ['of another target', () => mark({ target: '/v1/y' })],
    ['of another method', () => mark({ method: 'POST' })],
    ['of another purpose', () => mark({ ring: bed.rings['gateway-gateway'] })],
    ["of a peer's form, with the edges' key", () => mark({ kind: 'hop' })],
  ])('refuses a request with a mark %s, before any service sees it', async (_, made) => {
    const before = counts()
    const value = await made()

    const { status, text } = await ask(strict, { fields: value === undefined ? [] : ['x-tidegate-edge', value] })

    expect([status, codeOf(text)]).toEqual([403, 'edge-required'])
    expect(counts()).toEqual(before)
  })

  it('takes an edge that found the same route, or has another structure, and refuses one that read the request otherwise', async () => {
    const id = routes[0]?.id as string
    const asked = (edge: Partial<Mark>) => ask(strict, { edge })

    expect((await asked({ route: id, unit: 'orders', epoch: 0 })).status).toBe(200)
    expect((await asked({ route: 'other', unit: 'orders', epoch: 0, structure: 2 })).status).toBe(200)
    const other = await asked({ route: pages.id, unit: 'orders', epoch: 0 })
    expect([other.status, codeOf(other.text)]).toEqual([421, 'route-mismatch'])
    expect(other.text).not.toContain(pages.id)

    const counted = await (await strict.ask('/metrics')).text()
    expect(counted).toMatch(/tidegate_route_differences_total\{difference="mismatch"\} 1/)
    expect(counted).toMatch(/tidegate_route_differences_total\{difference="structure-skew"\} 1/)
  })

  it('and where others may come too, such a request is served by what the gateway reads', async () => {
    expect((await ask(onprem, { edge: { route: pages.id, unit: 'orders', epoch: 0 } })).status).toBe(200)
  })
})

describe('a sticky cookie', () => {
  const host = 'sticky.example.com'
  const keyIn = async (text: unknown) => readSigned('sticky', String(text), bed.rings['edge-gateway'], Date.now())
  const cookie = async (key: string, kind: 'sticky' | 'force' = 'sticky') =>
    `tidegate-sticky=${await writeSigned(kind, key, Date.now() + 29 * 86_400_000, bed.rings['edge-gateway'])}`

  it('is offered to an edge for a host that wants one, and to nobody else; no service can offer one', async () => {
    const offered = await ask(onprem, { host, edge: true })

    expect(await keyIn(offered.headers['x-tidegate-sticky'])).toMatch(/^[\w-]{22}$/)
    for (const other of [{ host }, { edge: true as const }])
      expect((await ask(onprem, other)).headers['x-tidegate-sticky']).toBeUndefined()
  })

  it('is not offered to one who has it, and reaches no service', async () => {
    const fields = ['Cookie', `a=1; ${await cookie('some-key')}; tidegate-force=x; b="2"`]

    const { headers, head } = await ask(onprem, { host, edge: true, fields })

    expect(headers['x-tidegate-sticky']).toBeUndefined()
    expect(head).toMatch(/\r\nCookie: a=1; b="2"\r\n/)
    expect(head).not.toMatch(/tidegate-(?:sticky|force)/i)
  })

  it('keeps its client on one side, also over the interconnect, and a forged one says nothing', async () => {
    const keys = Array.from({ length: 20 }, (_, at) => `key-${at}`)
    const side = (key: string) => (bucketOf('wave-1', key) < 5_000 ? 'cloud' : 'onprem')
    expect(new Set(keys.map(side)).size).toBe(2)

    for (const key of keys) {
      const fields = ['Cookie', await cookie(key)]
      for (const gateway of [onprem, cloud])
        expect((await ask(gateway, { host, target: '/split/1', fields })).text).toBe(side(key))
    }
    const moved = keys.find((key) => side(key) === 'cloud') as string
    const forged = ['Cookie', await cookie(moved, 'force')]
    expect((await ask(onprem, { host, target: '/split/1', fields: forged })).text).toBe('onprem')
  })

  it('makes no difference to the cache, which keeps nothing for a client with cookies of its own', async () => {
    const hit = async (text: string) => {
      const { headers } = await ask(onprem, { target: '/kept', fields: ['Cookie', text] })
      return /; hit/.test(String(headers['cache-status']))
    }

    expect(await hit(await cookie('one'))).toBe(false)
    await eventually(async () => hit(await cookie('two')))
    expect(await hit('tidegate-force=cloud.1.k.m')).toBe(true)
    expect(await hit(`a=1; ${await cookie('one')}`)).toBe(false)
  })
})

describe('a failover of an edge', () => {
  const failed = { flags: ['failover' as const], unit: 'orders.spare', epoch: 1 }

  it('is read at the site that the placement names for it, and nowhere else; a write goes to the owner', async () => {
    const spare = { target: '/spare/1', edge: failed, fields: ['x-tidegate-attempt', '1'] }

    expect((await ask(cloud, spare)).text).toBe('cloud')
    expect((await ask(cloud, { ...spare, method: 'POST' })).text).toBe('onprem')
    expect((await ask(cloud, { edge: { ...failed, unit: 'orders', epoch: 0 } })).text).toBe('onprem')
    expect((await ask(cloud, { target: '/spare/1' })).text).toBe('onprem')
  })

  it('is not to be made of an answer that was given on purpose, as an edge is told, and no client', async () => {
    expect((await ask(onprem, { target: '/closed', edge: true })).headers['x-tidegate-failover']).toBe('no')
    expect((await ask(onprem, { target: '/closed' })).headers['x-tidegate-failover']).toBeUndefined()
    expect((await ask(onprem, { edge: true })).headers['x-tidegate-failover']).toBeUndefined()
  })
})

describe("an edge's copy", () => {
  const copy = { flags: ['shadow' as const], unit: 'orders', epoch: 0 }

  it('is read where it came, and says to the service what it is', async () => {
    const { text, head } = await ask(cloud, { edge: copy })

    expect([text, /\r\nx-tidegate-shadow: 1\r\n/.test(head)]).toEqual(['cloud', true])
  })

  it('never writes, here or elsewhere', async () => {
    const before = counts()

    expect((await ask(cloud, { method: 'POST', edge: copy })).status).toBe(503)
    expect(counts()).toEqual(before)
  })

  it('is none by the word of a client', async () => {
    const { text, head } = await ask(cloud, { fields: ['x-tidegate-shadow', '1'] })

    expect([text, /shadow/i.test(head)]).toEqual(['onprem', false])
  })
})

describe('a key', () => {
  const key = (id: string) => ({ id, secret: randomBytes(32).toString('base64url') })
  const fileOf = (purpose: Purpose) => bed.folder.file(`keys/${purpose}.json`)
  const ringOf = async (purpose: Purpose, keys: RingFile['keys']) => (await KeyRing.open({ purpose, keys })) as KeyRing

  it('of the edges is replaced by add, use and retire, and no edge one step behind or ahead is refused', async () => {
    const purpose = 'edge-gateway'
    const [former] = (JSON.parse(await readFile(fileOf(purpose), 'utf8')) as RingFile).keys as [
      RingFile['keys'][number],
    ]
    const next = key('k2')
    const steps = [[former], [former, next], [next, former], [next]]
    const edges = await Promise.all(steps.map((keys) => ringOf(purpose, keys)))
    const statusOf = async (edge: number) => {
      const facts = { unit: 'orders', epoch: 0, route: routes[0]?.id as string }
      const value = await mark({ ...facts, ring: edges[edge] as KeyRing })
      return (await ask(strict, { fields: ['x-tidegate-edge', value] })).status
    }
    // One that is two steps ahead: the test can fail.
    expect(await statusOf(2)).toBe(403)

    for (const [step, keys] of steps.entries()) {
      await take(purpose, keys)

      for (const edge of [step - 1, step, step + 1])
        if (edge in edges) expect([step, edge, await statusOf(edge)]).toEqual([step, edge, 200])
    }
    expect(await statusOf(0)).toBe(403)
  })

  it('of the control plane is taken in the same way, for its calls and for echoes', async () => {
    const purpose = 'control-gateway'
    const [former, next] = [bed.rings[purpose], await ringOf(purpose, [key('k2')])]
    const answersTo = async (ring: KeyRing) => {
      const target = paths.gatewayStatus
      const call = { method: 'GET', target, body: new Uint8Array(), audience: 'gateway:cloud' }
      const signed = await signCall(call, ring, Date.now(), 'n')
      const echo = await writeSigned('echo', 'plain-n', Date.now() + 60_000, ring)
      return [
        (await fetch(cloud.internal + target, { headers: { [headers.call]: signed } })).status,
        (await ask(cloud, { target: '/nowhere', fields: [headers.echo, echo] })).status,
      ]
    }
    expect(await answersTo(former)).toEqual([200, 200])
    const { keys } = JSON.parse(await readFile(fileOf(purpose), 'utf8')) as RingFile
    const added = key('k2')
    await take(purpose, [...keys, added], cloud)

    for (const ring of [former, await ringOf(purpose, [added])]) expect(await answersTo(ring)).toEqual([200, 200])
    await take(purpose, [added], cloud)
    expect(await answersTo(former)).toEqual([401, 404])
    expect(await answersTo(next)).toEqual([401, 404])
  })

  async function take(purpose: Purpose, keys: RingFile['keys'], of = strict): Promise<void> {
    await writeFile(fileOf(purpose), JSON.stringify({ purpose, keys }), { mode: 0o600 })
    const before = await reloaded(of)
    of.process.signal('SIGHUP')
    await eventually(async () => (await reloaded(of)) > before)
  }

  async function reloaded(of: RunningGateway): Promise<number> {
    const text = await (await of.ask('/metrics')).text()
    return Number(/^tidegate_config_reloads_total\{outcome="applied"\} (\d+)/m.exec(text)?.[1] ?? 0)
  }
})
