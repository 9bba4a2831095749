import { describe, expect, it } from 'vitest'
import { type Mark, readMark, windowMs, writeMark } from '#routes/hop.ts'
import { KeyRing, type RingFile } from '#routes/seal.ts'

const secret = (letter: string) => Buffer.alloc(32, letter).toString('base64url')
const ring = async (keys: RingFile['keys']) => (await KeyRing.open({ purpose: 'edge-gateway', keys })) as KeyRing
const ours = await ring([{ id: 'k1', secret: secret('a') }])

const mark: Mark = {
  at: 1_000_000,
  requestId: '01JABC',
  structure: 7,
  placements: 41,
  route: 'orders:GET:/v1/orders/{id};a=1',
  unit: 'orders',
  epoch: 3,
  bucket: 9_475,
  because: 'bucket-stays',
  from: 'FRA',
  address: '2001:db8::1',
  flags: ['unsafe'],
}
const request = { method: 'GET', host: 'API.example.com', target: '/v1/orders/7?x=%2F' }

const written = await writeMark('edge', mark, request, ours)
const read = (value: string, changes: Partial<typeof request> = {}, now = mark.at) =>
  readMark('edge', value, { ...request, ...changes }, ours, now)

describe('a mark', () => {
  it('reads as it was written, on the request it was written for', async () => {
    expect(await read(written, { host: 'api.EXAMPLE.com' })).toEqual({ ok: true, mark })
  })

  it('is worth nothing on another method, host or target', async () => {
    for (const change of [{ method: 'POST' }, { host: 'other.test' }, { target: '/v1/orders/8?x=%2F' }]) {
      expect(await read(written, change)).toEqual({ ok: false, because: 'mac-wrong' })
    }
  })

  it('is worth nothing with any character changed', async () => {
    for (let i = 0; i < written.length; i++) {
      const changed = written.slice(0, i) + (written[i] === 'x' ? 'y' : 'x') + written.slice(i + 1)
      expect((await read(changed)).ok, changed).toBe(false)
    }
  })

  it('is believed for a minute either way and no longer', async () => {
    expect((await read(written, {}, mark.at + windowMs)).ok).toBe(true)
    expect(await read(written, {}, mark.at + windowMs + 1)).toEqual({ ok: false, because: 'out-of-window' })
    expect(await read(written, {}, mark.at - windowMs - 1)).toEqual({ ok: false, because: 'out-of-window' })
  })

  it('of an edge is none of a gateway', async () => {
    expect((await readMark('hop', written, request, ours, mark.at)).ok).toBe(false)
  })

  it('cannot smuggle a field or a line through a value', async () => {
    const sly = { ...mark, route: 'a;f=force\r\nx: y', from: '-' }
    const value = await writeMark('edge', sly, request, ours)

    expect(value).toMatch(/^[!-~]+$/)
    expect(await read(value)).toEqual({ ok: true, mark: sly })
  })

  it('with a field twice is refused even under a valid MAC', async () => {
    const value = written.slice(0, written.lastIndexOf(';m='))
    const twice = `${value};p=99`
    const mac = await ours.sign(`tidegate-edge-1\nGET\napi.example.com\n${request.target}\n${twice}`)

    expect(await read(`${twice};m=${mac}`)).toEqual({ ok: false, because: 'malformed' })
  })

  it('is read under both active keys while one replaces the other', async () => {
    const both = await ring([
      { id: 'k2', secret: secret('b') },
      { id: 'k1', secret: secret('a') },
    ])

    expect((await readMark('edge', written, request, both, mark.at)).ok).toBe(true)
    expect(await writeMark('edge', mark, request, both)).toContain(';k=k2;')
    const onlyNew = await ring([{ id: 'k2', secret: secret('b') }])
    expect((await readMark('edge', written, request, onlyNew, mark.at)).ok).toBe(false)
  })

  it('never throws, whatever the header', async () => {
    for (const value of [
      '',
      'v=1',
      'v=1;m=',
      'v=1;t=1;m=%',
      'v=1;t=%ff;s=1;p=1;m=x',
      'x'.repeat(100_000),
      'v=1;=;m=a',
    ]) {
      expect((await read(value)).ok).toBe(false)
    }
  })
})

describe('a ring of keys', () => {
  it('opens only with one or two keys of at least 32 bytes', async () => {
    const open = (keys: RingFile['keys']) => KeyRing.open({ purpose: 'edge-gateway', keys })
    const key = (id: string) => ({ id, secret: secret('a') })

    expect(await open([])).toBeUndefined()
    expect(await open([key('a'), key('b'), key('c')])).toBeUndefined()
    expect(await open([key('a'), key('a')])).toBeUndefined()
    expect(await open([{ id: 'a', secret: Buffer.alloc(31).toString('base64url') }])).toBeUndefined()
    expect(await open([{ id: 'a;b', secret: secret('a') }])).toBeUndefined()
  })
})
