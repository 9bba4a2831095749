import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type Mark, type MarkKind, writeMark } from '#routes/hop.ts'
import { KeyRing, type Purpose } from '#routes/seal.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { edgeSignature } from '../../../gateway/intake/edge-signature.ts'
import { exchangeOf } from '../exchange.ts'

const ringOf = async (purpose: Purpose) =>
  (await KeyRing.open({ purpose, keys: [{ id: 'k1', secret: randomBytes(32).toString('base64url') }] })) as KeyRing
const edge = await ringOf('edge-gateway')
const peers = await ringOf('gateway-gateway')
const stranger = await ringOf('edge-gateway')
const clock = new HeldClock()

function phase(required = false) {
  const refused: string[] = []
  const made = edgeSignature({ edge, peers, required, clock, refused: { inc: ({ because }) => refused.push(because) } })
  return { refused, take: async (x: ReturnType<typeof exchangeOf>) => made.before?.(x) }
}

const mark = (facts: Partial<Mark> = {}): Mark => ({
  at: clock.now(),
  requestId: 'edge-id',
  structure: 1,
  placements: 2,
  because: 'steady',
  from: 'FRA',
  address: '9.9.9.9',
  flags: [],
  ...facts,
})
const signed = (
  kind: MarkKind,
  ring: KeyRing,
  facts: Partial<Mark> = {},
  { host = 'api.example.com', method = 'GET', target = '/v1/x' } = {},
) => writeMark(kind, mark(facts), { method, host, target }, ring)

describe('a signed request', () => {
  it('is believed in its id, its client and its numbers', async () => {
    const x = exchangeOf(['X-Tidegate-Edge', await signed('edge', edge), 'x-tidegate-attempt', '1'])

    await phase().take(x)

    expect([x.markKind, x.requestId, x.client, x.mark?.placements, x.attempt]).toEqual([
      'edge',
      'edge-id',
      '9.9.9.9',
      2,
      1,
    ])
  })

  it('tells how long its answer may take; nobody else does', async () => {
    const fields = ['x-tidegate-edge', await signed('edge', edge), 'x-tidegate-deadline', '1500']
    const believed = exchangeOf(fields)
    const stranger = exchangeOf(['x-tidegate-deadline', '1'])
    const garbled = exchangeOf([...fields.slice(0, 3), '-5'])

    for (const x of [believed, stranger, garbled]) await phase().take(x)

    expect(believed.deadlineMs).toBe(clock.monotonic() + 1_500)
    expect([stranger.deadlineMs, garbled.deadlineMs]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY])
  })

  it('may tell the host of its client beside, where the edge reaches us by another name', async () => {
    const x = exchangeOf(['x-tidegate-edge', await signed('edge', edge), 'x-forwarded-host', 'api.example.com'], {
      host: 'origin.internal',
    })

    await phase().take(x)

    expect([x.markKind, x.host]).toEqual(['edge', 'api.example.com'])
  })

  it.each([
    [
      'for another host',
      async () => ['x-tidegate-edge', await signed('edge', edge, {}, { host: 'other.example.com' })],
      'mac-wrong',
    ],
    [
      'for another target',
      async () => ['x-tidegate-edge', await signed('edge', edge, {}, { target: '/v1/x?admin=1' })],
      'mac-wrong',
    ],
    [
      'for another method',
      async () => ['x-tidegate-edge', await signed('edge', edge, {}, { method: 'POST' })],
      'mac-wrong',
    ],
    [
      'with another address in it',
      async () => ['x-tidegate-edge', (await signed('edge', edge)).replace('a=9.9.9.9', 'a=9.9.9.8')],
      'mac-wrong',
    ],
    ['with another key', async () => ['x-tidegate-edge', await signed('edge', stranger)], 'mac-wrong'],
    ['by the wrong purpose', async () => ['x-tidegate-edge', await signed('hop', peers)], 'mac-wrong'],
    ['of a peer, passed off as an edge', async () => ['x-tidegate-hop', await signed('edge', edge)], 'mac-wrong'],
    [
      'too long ago',
      async () => ['x-tidegate-edge', await signed('edge', edge, { at: clock.now() - 61_000 })],
      'out-of-window',
    ],
    [
      'by a clock too far ahead',
      async () => ['x-tidegate-edge', await signed('edge', edge, { at: clock.now() + 61_000 })],
      'out-of-window',
    ],
    ['by nobody', async () => ['x-tidegate-edge', 'v=1;k=k1'], 'malformed'],
  ])('that was signed %s is an ordinary client, and refused where only edges may come', async (_, headers, because) => {
    const x = exchangeOf(await headers())
    const { take, refused } = phase()

    await take(x)

    expect([x.mark, x.requestId, x.client]).toEqual([undefined, 'r0', '10.0.0.1'])
    expect(refused).toEqual([because])
    expect([x.markFault, x.isDirect]).toEqual([because, false])
    await expect(phase(true).take(exchangeOf(await headers()))).rejects.toMatchObject({ code: 'edge-required' })
  })

  it('is believed for a minute either way, since clocks differ', async () => {
    for (const at of [clock.now() - 60_000, clock.now() + 60_000]) {
      const x = exchangeOf(['x-tidegate-edge', await signed('edge', edge, { at })])

      await phase().take(x)

      expect([x.markKind, x.markFault]).toEqual(['edge', undefined])
    }
  })
})

describe('a gateway that only edges may use', () => {
  it('refuses the others', async () => {
    const { take } = phase(true)

    await expect(take(exchangeOf())).rejects.toMatchObject({ code: 'edge-required', status: 403 })
    await expect(take(exchangeOf(['x-tidegate-edge', 'forged']))).rejects.toMatchObject({ code: 'edge-required' })
  })

  it('takes edges and peers', async () => {
    const { take } = phase(true)

    await take(exchangeOf(['x-tidegate-edge', await signed('edge', edge)]))
    await take(exchangeOf(['x-tidegate-hop', await signed('hop', peers)]))
  })
})
