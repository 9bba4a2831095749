import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkCall } from '#routes/call.ts'
import { readEchoValue } from '#routes/echo.ts'
import { readSigned } from '#routes/signed-value.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { catalogOf, serviceFile } from '../support/catalog.ts'
import { tidegateOf } from '../support/cli.ts'
import { startControlPlane, type TestControlPlane } from '../support/control-plane.ts'

const begun = Date.UTC(2026, 10, 22, 8)
const minuteMs = 60_000
const clock = new HeldClock(begun)
let plane: TestControlPlane

beforeAll(async () => {
  plane = await startControlPlane({ clock })
  await plane.client.apply({ files: [...catalogOf(serviceFile('orders'))] })
})
afterAll(() => plane.stop())

const rings = () => plane.keys.keys.rings
const lastEntry = async () => (await plane.client.audit({ limit: 500 })).at(-1)
const force = { site: 'cloud', for: '1h', reason: 'try the new checkout' }

describe('POST /api/v1/edge/force', () => {
  it('gives a word for the header and the cookie that edges believe until its end, and not a moment longer', async () => {
    const { header, cookie, expiresAt } = await plane.client.force(force)

    expect(header.name).toBe('x-tidegate-force')
    expect(cookie).toEqual({ name: 'tidegate-force', value: header.value })
    expect(expiresAt).toBe(begun + 60 * minuteMs)
    const read = (now: number) => readSigned('force', header.value, rings()['edge-control'], now)
    expect(await read(expiresAt - 1)).toBe('cloud')
    expect(await read(expiresAt)).toBeUndefined()
  })

  it('tells in the audit who forces what and why, and never the word itself', async () => {
    const { header } = await plane.client.force(force)

    const entry = await lastEntry()
    expect(entry).toMatchObject({ actor: 'admin', action: 'edge.force', object: 'cloud', reason: force.reason })
    expect(JSON.stringify(entry)).not.toContain(header.value.split('.').at(-1))
  })

  it('refuses a site that there is not, and a word for longer than a day', async () => {
    await expect(plane.client.force({ ...force, site: 'clod' })).rejects.toMatchObject({
      code: 'site-unknown',
      message: expect.stringContaining('did you mean cloud?'),
    })
    await expect(plane.client.force({ ...force, for: '24h' })).resolves.toBeDefined()
    for (const time of ['25h', '1441m']) {
      await expect(plane.client.force({ ...force, for: time })).rejects.toMatchObject({ code: 'force-time-invalid' })
    }
    await expect(plane.client.force({ ...force, for: '0h' })).rejects.toMatchObject({ status: 400 })
  })

  it('is for whoever may flip, and for nobody else', async () => {
    const [reader, flipper] = [await plane.clientWith(['read']), await plane.clientWith(['read', 'flip'])]

    await expect(reader.force(force)).rejects.toMatchObject({ status: 403 })
    await expect(flipper.force(force)).resolves.toBeDefined()
  })

  it('is printed so that it can be pasted', async () => {
    const { out, told } = await tidegateOf(plane, [
      'edge',
      'force',
      '--site',
      'cloud',
      '--for',
      '30m',
      '--reason',
      'try',
    ])

    expect(out).toMatch(/^header +x-tidegate-force: cloud\.\d+\.k1\.[\w-]{43}\ncookie +tidegate-force=cloud\.\d+/)
    expect(told).toMatch(/Until 2026-11-22 08:30:00Z/)
    expect(told).toMatch(/curl -H 'x-tidegate-force: cloud\./)
    expect((await tidegateOf(plane, ['edge', 'force', '--site', 'cloud', '--for', '1h', '--reason', ' '])).code).toBe(2)
  })
})

describe('POST /api/v1/edge/echo-words', () => {
  it('gives a word a behaviour, which gateways believe for five minutes', async () => {
    const { header, words, now, expiresAt } = await plane.client.echoWords({ behaviours: ['plain', 'slow118'] })

    expect({ header, now, lasts: expiresAt - now }).toEqual({
      header: 'x-tidegate-echo',
      now: begun,
      lasts: 5 * minuteMs,
    })
    const read = (word = '', at = begun) => readSigned('echo', word, rings()['control-gateway'], at)
    expect(readEchoValue((await read(words['plain'])) ?? '')).toMatchObject({ behaviour: 'plain' })
    expect(readEchoValue((await read(words['slow118'])) ?? '')).toMatchObject({ behaviour: 'slow', waitS: 118 })
    expect(await read(words['plain'], expiresAt)).toBeUndefined()
    expect(await lastEntry()).toMatchObject({ action: 'edge.echo', after: { behaviours: ['plain', 'slow118'] } })
  })

  it('refuses what no gateway would do', async () => {
    await expect(plane.client.echoWords({ behaviours: ['slow131'] })).rejects.toMatchObject({ code: 'echo-unknown' })
    await expect(plane.client.echoWords({ behaviours: ['loud'] })).rejects.toMatchObject({ status: 400 })
    await expect(plane.client.echoWords({ behaviours: [] })).rejects.toMatchObject({ status: 400 })
  })

  it('is for admins alone: an echo shows what fronts add as a secret, and holds a socket without any other credential', async () => {
    const operator = await plane.clientWith(['read', 'apply', 'flip', 'purge', 'token', 'metrics'])

    await expect(operator.echoWords({ behaviours: ['plain'] })).rejects.toMatchObject({ status: 403 })
  })
})

describe('POST /api/v1/edge/status-call', () => {
  it('gives whoever may read a call that edges answer with their status, and with nothing else', async () => {
    const reader = await plane.clientWith(['read'])

    const { target, header } = await reader.statusCall()

    const call = { method: 'GET', target, body: new Uint8Array(), audience: 'edge' }
    const check = (other: Partial<typeof call>, now = begun) =>
      checkCall(header.value, { ...call, ...other }, rings()['edge-control'], now)
    expect(target).toBe('/.well-known/tidegate/status')
    expect(await check({})).toBe('valid')
    expect(await check({ target: '/.well-known/tidegate/table' })).toBe('mac-wrong')
    expect(await check({ audience: 'control-plane' })).toBe('other-audience')
    expect(await check({}, begun + minuteMs + 1)).toBe('out-of-window')
  })
})
