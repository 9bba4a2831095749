import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { KeyRing } from '#routes/seal.ts'
import { readSigned, writeSigned } from '#routes/signed-value.ts'
import { HeldClock } from '#server-kit/clock.ts'
import { systemRandom } from '#server-kit/random.ts'
import type { Answer } from '../../../gateway/answer.ts'
import { stickyOffer } from '../../../gateway/transform/sticky-offer.ts'
import { exchangeOf } from '../exchange.ts'

const key = (id: string) => ({ id, secret: randomBytes(32).toString('base64url') })
const [former, next] = [key('k1'), key('k2')]
const ringOf = async (...keys: (typeof former)[]) => (await KeyRing.open({ purpose: 'edge-gateway', keys })) as KeyRing
const ring = await ringOf(former, next)
const clock = new HeldClock()
const dayMs = 86_400_000

async function offered(facts: object, headers: readonly string[] = [], stickyCookie?: true, by = ring) {
  const x = exchangeOf()
  const host = { name: 'api.example.com', aliases: [], unsafeTargets: 'reject', ...(stickyCookie && { stickyCookie }) }
  Object.assign(x, { markKind: 'edge', mark: { flags: [] }, decision: { host } }, facts)
  const phase = stickyOffer({ ring: by, clock, random: systemRandom })
  await phase.before?.(x)
  const answer = phase.after?.(x, { status: 200, reason: '', headers: [...headers], body: undefined }) as Answer
  const at = answer.headers.indexOf('x-tidegate-sticky')
  return at < 0 ? undefined : (answer.headers[at + 1] as string)
}
const wanted = (facts: object = {}, headers: readonly string[] = [], by = ring) => offered(facts, headers, true, by)
const keyOf = async (text = '', atMs = clock.now()) => readSigned('sticky', text, ring, atMs)
const held = async (leftMs: number) => ({
  sticky: 'a-key',
  stickyCookie: await writeSigned('sticky', 'a-key', clock.now() + leftMs, ring),
})

describe('the key that a client of a host with stickyCookie gets', () => {
  it('is of 22 characters, signed for 30 days, and another one for each stranger', async () => {
    const text = await wanted()

    expect(await keyOf(text)).toMatch(/^[\w-]{22}$/)
    expect(await keyOf(text, clock.now() + 30 * dayMs - 1_001)).toBeDefined()
    expect(await keyOf(text, clock.now() + 30 * dayMs)).toBeUndefined()
    expect(await keyOf(await wanted())).not.toBe(await keyOf(text))
  })

  it('is the same on each device of one who is known, and says nothing of the name', async () => {
    const caller = { consumer: 'anna@example.com', scopes: [] }
    const key = await keyOf(await wanted({ caller }))

    expect(key).toMatch(/^[\w-]{22}$/)
    expect(await keyOf(await wanted({ caller }))).toBe(key)
    expect(await keyOf(await wanted({ caller: { ...caller, consumer: 'bert' } }))).not.toBe(key)
    expect(key).not.toContain('anna')
  })

  it('stays while it is young, and is then signed anew, never changed', async () => {
    expect(await wanted(await held(16 * dayMs))).toBeUndefined()
    expect(await keyOf(await wanted(await held(14 * dayMs)))).toBe('a-key')
    expect(await keyOf(await wanted({ ...(await held(dayMs)), caller: { consumer: 'anna', scopes: [] } }))).toBe(
      'a-key',
    )
  })

  it('is signed anew when the keys are changed, before the former one is worth nothing', async () => {
    const young = await held(29 * dayMs)
    const text = await wanted(young, [], await ringOf(next, former))

    expect(await readSigned('sticky', text ?? '', await ringOf(next), clock.now())).toBe('a-key')
    expect(await wanted(young, [], await ringOf(former, next))).toBeUndefined()
  })

  it.each([
    ['the host does not ask for it', {}, undefined],
    ['no edge could set it', { markKind: undefined, mark: undefined }, true],
    ['a peer asks', { markKind: 'hop' }, true],
    ['it is a copy', { mark: { flags: ['shadow'] } }, true],
    ['an upgrade is wanted', { upgrade: 'websocket' }, true],
  ] as const)('is none where %s', async (_, facts, sticky) => {
    expect(await offered(facts, [], sticky)).toBeUndefined()
  })

  it.each([
    [['Cache-Control', 'public, max-age=60']],
    [['Cache-Control', 'max-age=0, s-maxage=60']],
    [['Cache-Control', 'Public']],
    [['Cache-Control', 'max-age=60']],
    [['Cache-Control', 'private="Authorization", max-age=60']],
    [['Cache-Control', 'no-transform', 'cache-control', 'max-age=60']],
    [['Expires', 'Sun, 22 Nov 2026 12:00:00 GMT']],
  ])('is none on an answer that others may get, too: %s', async (fields) => {
    expect(await wanted({}, fields)).toBeUndefined()
  })

  it.each(['private, max-age=60', 'max-age=60, no-store', 'no-cache', 'max-age=0'])(
    'comes with an answer that is its own: %s',
    async (value) => {
      expect(await wanted({}, ['Cache-Control', value])).toBeDefined()
    },
  )
})
