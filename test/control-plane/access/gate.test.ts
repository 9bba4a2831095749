import { describe, expect, it } from 'vitest'
import { HeldClock, systemClock } from '#server-kit/clock.ts'
import { silentLog } from '#server-kit/log.ts'
import { seededRandom } from '#server-kit/random.ts'
import { can, type Scope, scopes, widerThan } from '../../../control-plane/access/can.ts'
import { ownHosts, sameSiteFault } from '../../../control-plane/access/same-site.ts'
import { SeenCalls } from '../../../control-plane/access/seen-calls.ts'
import { LoginLinks, Sessions } from '../../../control-plane/access/session.ts'
import { bearerOf, TokenBook } from '../../../control-plane/access/token.ts'
import { createListener } from '../../../control-plane/listener.ts'
import { strangersRing } from '../support/keys.ts'

const random = seededRandom(7)

describe('a listener', () => {
  it('does not start with an endpoint that does not say who may call it', async () => {
    const rings = {
      'control-gateway': await strangersRing('control-gateway'),
      'edge-control': await strangersRing('edge-control'),
    }
    const gate = {
      tokens: new TokenBook(systemClock),
      sessions: new Sessions(systemClock),
      rings,
      seenCalls: new SeenCalls(systemClock),
      clock: systemClock,
      ownHosts: () => new Set<string>(),
      cookieName: 'c',
    }
    const app = await createListener(gate, silentLog, random)
    expect(() => app.get('/forgotten', async () => 'secret')).toThrow(/does not say who may call it/)
    await app.close()
  })
})

describe('can', () => {
  const actor = (...given: Scope[]) => ({ name: 'ann', scopes: given })

  it('denies whatever the scopes do not name, and says which one is missing', () => {
    expect(can(actor('read'), 'unit.flip', 'orders')).toEqual({
      allowed: false,
      scope: 'flip',
      because: 'unit.flip on orders needs the scope flip, and ann has read',
    })
    expect(can(actor('flip'), 'unit.flip', 'orders').allowed).toBe(true)
    expect(can(actor('flip'), 'catalog.apply', '').allowed).toBe(false)
    expect(can(actor(), 'status.read', '').allowed).toBe(false)
    expect(can(actor('admin'), 'gateway.remove', 'onprem/1').allowed).toBe(true)
  })

  it('lets nobody give more than they have', () => {
    expect(widerThan(actor('token', 'read'), ['read', 'flip', 'admin'])).toEqual(['flip', 'admin'])
    expect(widerThan(actor('admin'), [...scopes])).toEqual([])
  })
})

describe('a bearer token', () => {
  it.each([
    ['Bearer abc', 'abc'],
    ['bearer  abc', 'abc'],
    ['Basic abc', undefined],
    ['Bearer', undefined],
    ['Bearer a b', undefined],
    [`Bearer ${'x'.repeat(257)}`, undefined],
    [undefined, undefined],
  ])('is read from %s', (header, token) => {
    expect(bearerOf(header)).toBe(token)
  })
})

describe('the console’s own names', () => {
  const hosts = ownHosts('https://tidegate.example.com', 17_000)

  it.each([
    ['GET', 'tidegate.example.com', undefined, undefined],
    ['GET', 'LOCALHOST:17000', undefined, undefined],
    ['GET', 'tidegate.example.com.evil.example', undefined, 'host-foreign'],
    ['GET', '127.0.0.1:17001', undefined, 'host-foreign'],
    ['GET', undefined, undefined, 'host-foreign'],
    ['POST', 'tidegate.example.com', 'https://tidegate.example.com', undefined],
    ['POST', 'tidegate.example.com', 'https://evil.example', 'origin-foreign'],
    ['POST', 'tidegate.example.com', 'null', 'origin-foreign'],
    ['DELETE', 'tidegate.example.com', undefined, 'origin-foreign'],
    ['GET', 'tidegate.example.com', 'https://evil.example', 'origin-foreign'],
  ])('%s with host %s from %s', (method, host, origin, fault) => {
    expect(sameSiteFault({ method, host, origin }, hosts)).toBe(fault)
  })
})

describe('calls that were seen', () => {
  it('are refused for as long as their signature is believed, and forgotten after', () => {
    const clock = new HeldClock()
    const seen = new SeenCalls(clock)
    expect(seen.first('a')).toBe(true)
    clock.advance(120_000)
    expect(seen.first('a')).toBe(false)
    clock.advance(1)
    expect(seen.first('a')).toBe(true)
  })

  it('are never forgotten for want of room: new ones are refused', () => {
    const clock = new HeldClock()
    const seen = new SeenCalls(clock, 2)
    expect([seen.first('a'), seen.first('b'), seen.first('c')]).toEqual([true, true, false])
    expect(seen.first('a')).toBe(false)
    clock.advance(120_001)
    expect(seen.first('c')).toBe(true)
  })
})

describe('login links', () => {
  it('expire within the hour, and are bounded: of too many the oldest is spent', () => {
    const clock = new HeldClock()
    const links = new LoginLinks(clock, random)
    const actor = { name: 'admin', scopes: ['admin' as const] }
    const first = links.create(actor)
    const others = Array.from({ length: 100 }, () => links.create(actor))
    expect(links.redeem(first)).toBeUndefined()
    expect(links.redeem(others[0] ?? '')).toEqual(actor)
    clock.advance(3_600_000)
    expect(links.redeem(others[1] ?? '')).toBeUndefined()
  })
})
