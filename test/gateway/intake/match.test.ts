import { describe, expect, it } from 'vitest'
import type { Mark } from '#routes/hop.ts'
import type { Problem } from '#routes/problem.ts'
import { match } from '../../../gateway/intake/match.ts'
import { placementSet, policy, route, service, structure, tableOf } from '../../support/tables.ts'
import { exchangeOf, type RequestLine } from '../exchange.ts'

const guarded = { ...policy, auth: { scopes: ['admin'] } }
const table = await tableOf(
  structure(
    [
      route('/**', { service: 'site' }),
      route('/admin/**', { service: 'site', policy: guarded }),
      route('/files/**', { service: 'files', policy: { ...policy, accepts: ['encoded-slash'] } }),
      route('/joined/**', { service: 'files', policy: { ...policy, accepts: ['double-slash'] } }),
      route('/prices', {
        service: 'site',
        unit: 'site.prices',
        when: [{ from: 'country', test: 'equals', value: 'CH' }],
      }),
    ],
    {
      hosts: [
        { name: 'api.example.com', aliases: [], unsafeTargets: 'reject' },
        { name: 'old.example.com', aliases: [], unsafeTargets: 'observe' },
      ],
      services: [service('site'), service('files', { pathReadings: [] })],
    },
  ),
  placementSet([]),
)

function matched(target: string, line: RequestLine = {}, mark?: Partial<Mark>) {
  const x = exchangeOf([], { ...line, target })
  if (mark !== undefined) x.mark = mark as Mark
  expect(match(() => table).before?.(x)).toBeUndefined()
  return x
}

/** The code of the refusal; undefined = it went on. */
function refusal(target: string, line: RequestLine = {}): string | undefined {
  try {
    matched(target, line)
    return undefined
  } catch (problem) {
    return (problem as Problem).code
  }
}

describe('the match phase', () => {
  it('P1: one key decides, and the target stays as it came', () => {
    const x = matched('/%61dmin/%7euser%2e?A=%41')

    expect(x.decision?.target.key).toBe('/admin/~user.')
    expect(x.decision?.route?.policy.auth).toEqual({ scopes: ['admin'] })
    expect(x.target).toBe('/%61dmin/%7euser%2e?A=%41')
  })

  it.each(['/a/../b', '/a/%2e%2e/b', '/a/..;/b', '/a/.%00', '/a%2Fb', '/a%5Cb', '/a\\b', '//a', '/a\x01', '/a%0Ab'])(
    'P2: %j is refused where the host rejects, and counted where it observes',
    (target) => {
      expect(refusal(target)).toBe('target-unsafe')
      expect(refusal(target, { host: 'old.example.com' })).toBeUndefined()
    },
  )

  it('P3: an encoded slash goes on where its route accepts it, and nothing else does with it', () => {
    expect(refusal('/files/a%2Fb')).toBeUndefined()
    for (const other of ['/files/a%2F..%2Fb', '/files/a%2F%2e/b', '/files//a', '/files/a%5Cb', '/files/a%252Fb']) {
      expect([other, refusal(other)]).toEqual([other, 'target-unsafe'])
    }
    expect(refusal('/other/a%2Fb')).toBe('target-unsafe')
  })

  it('P4: a double slash goes on where its route accepts it, and nothing else does with it', () => {
    expect(refusal('/joined//a')).toBeUndefined()
    for (const other of ['/joined//../a', '/joined/a%2Fb', '/joined//%00']) {
      expect([other, refusal(other)]).toEqual([other, 'target-unsafe'])
    }
    expect(refusal('/other//a')).toBe('target-unsafe')
  })

  it('P6: a path that the service may read as a guarded one brings that guard along', () => {
    expect(matched('/ADMIN').readings.map(({ pattern }) => pattern)).toEqual(['/admin/**'])
    expect(matched('/;/admin').readings.map(({ pattern }) => pattern)).toEqual(['/admin/**'])
    expect(matched('/ordinary').readings).toEqual([])
    expect(matched('/ORDINARY').readings).toEqual([])
  })

  it('P6: no guard is brought along for a service that reads paths as we do', () => {
    expect(matched('/files/../admin', { host: 'old.example.com' }).readings).toEqual([])
  })

  it('P6: a path that can be read in too many ways is refused', () => {
    expect(refusal('/A;x/b//%2F..%2Fc%2540', { host: 'old.example.com' })).toBe('target-unsafe')
  })

  it.each(['/a%', '/a%2', '/a%zz', '/a%C0%AF', '/a%00', '/%252e%252e/a', '/a%252f'])(
    'P7: %j is refused where the host rejects, and no route may accept it',
    (target) => {
      expect(refusal(target)).toBe('target-unsafe')
      expect(refusal(`/files${target}`)).toBe('target-unsafe')
    },
  )

  it('chooses by the country that a verified edge found out', () => {
    expect(matched('/prices', {}, { country: 'CH' }).decision?.route?.unit).toBe('site.prices')
    expect(matched('/prices', {}, { country: 'DE' }).decision?.route?.unit).toBe('site')
    expect(matched('/prices').decision?.route?.unit).toBe('site')
  })
})
