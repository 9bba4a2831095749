import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { KeyRing } from '#routes/seal.ts'
import { type SignedKind, writeSigned } from '#routes/signed-value.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { ownCookies } from '../../../gateway/intake/own-cookies.ts'
import { exchangeOf } from '../exchange.ts'

const ringOf = async () =>
  (await KeyRing.open({
    purpose: 'edge-gateway',
    keys: [{ id: 'k1', secret: randomBytes(32).toString('base64url') }],
  })) as KeyRing
const ring = await ringOf()
const clock = new HeldClock()
const signed = (kind: SignedKind = 'sticky', by = ring, leftMs = 60_000) =>
  writeSigned(kind, 'a-key', clock.now() + leftMs, by)

async function taken(...fields: string[]) {
  const x = exchangeOf(fields)
  await ownCookies(ring, clock).before?.(x)
  return x
}

describe('a cookie of ours', () => {
  it('says its client, and is seen by nobody behind', async () => {
    const text = await signed()
    const x = await taken(
      'Accept',
      '*/*',
      'Cookie',
      `a=1; tidegate-sticky=${text}; b="2"`,
      'X-Other',
      'tidegate-sticky=',
    )

    expect([x.sticky, x.stickyCookie]).toEqual(['a-key', text])
    expect(x.headers).toEqual(['Accept', '*/*', 'Cookie', 'a=1; b="2"', 'X-Other', 'tidegate-sticky='])
    expect(x.names).toEqual(['accept', 'cookie', 'x-other'])
    expect(x.header('cookie')).toBe('a=1; b="2"')
  })

  it('leaves no field behind where it was alone, nor does that of a tester who came past the edge', async () => {
    const x = await taken(
      'cookie',
      `tidegate-sticky=${await signed()}`,
      'cookie',
      'tidegate-force=cloud.1.k.m',
      'a',
      'b',
    )

    expect([x.headers, x.names]).toEqual([['a', 'b'], ['a']])
    expect(x.sticky).toBe('a-key')
  })

  it('is the first of its name in all Cookie fields, as an edge reads them joined', async () => {
    const first = await taken('cookie', 'a=1', 'cookie', `tidegate-sticky=${await signed()}; tidegate-sticky=x`)
    const second = await taken('cookie', 'tidegate-sticky=x', 'cookie', `b=2; tidegate-sticky=${await signed()}`)

    expect([first.sticky, first.header('cookie')]).toEqual(['a-key', 'a=1'])
    expect([second.sticky, second.header('cookie')]).toEqual([undefined, 'b=2'])
  })

  it.each([
    ['of another kind', () => signed('force')],
    ['signed by a stranger', async () => signed('sticky', await ringOf())],
    ['that is over', () => signed('sticky', ring, -1)],
    ['that was changed', async () => (await signed()).replace('a-key', 'b-key')],
    ['that is empty', async () => ''],
  ])('%s says nothing, and is taken out all the same', async (_, text) => {
    const x = await taken('Cookie', `tidegate-sticky=${await text()}; a=1`)

    expect([x.sticky, x.stickyCookie, x.header('cookie')]).toEqual([undefined, undefined, 'a=1'])
  })

  it('says nothing where no edge is believed', async () => {
    const x = exchangeOf(['Cookie', `tidegate-sticky=${await signed()}`])
    await ownCookies(undefined, clock).before?.(x)

    expect([x.sticky, x.headers]).toEqual([undefined, []])
  })
})

it('costs a request without one nothing: its fields stay the very same', () => {
  const x = exchangeOf(['Cookie', 'a=1;  b=2', 'X-Tidegate-Sticky', 'tidegate-sticky=1'])
  const { headers, names } = x

  expect(ownCookies(ring, clock).before?.(x)).toBeUndefined()
  expect(x.headers).toBe(headers)
  expect(x.names).toBe(names)
})
